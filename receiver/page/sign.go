package page

import "dnseal/receiver"

// look is how a verdict is shown: by a class for its colour, a sign of its own form, and a word, so
// that none of them is needed.
type look struct {
	class markup
	sign  markup
	word  markup
}

// Signs are drawn in a square of 24: class f is filled, o an outline, k a line on a filled form, l
// one without.
var looks = map[receiver.Verdict]look{
	receiver.Pass:      {`v-pass`, `<circle class="f" cx="12" cy="12" r="11"/><path class="k" d="M6.6 12.6l3.7 3.7 7.1-8"/>`, `Pass`},
	receiver.Fail:      {`v-fail`, `<path class="f" d="M7.4 1h9.2L23 7.4v9.2L16.6 23H7.4L1 16.6V7.4z"/><path class="k" d="M8 8l8 8M16 8l-8 8"/>`, `Fail`},
	receiver.Policy:    {`v-policy`, `<path class="f" d="M12 1.6 23.4 21.9H.6z"/><path class="k" d="M12 8.6v6.2M12 18.3v.2"/>`, `Policy`},
	receiver.Neutral:   {`v-neutral`, `<circle class="o" cx="12" cy="12" r="10.5"/><path class="l" d="M7 12h10"/>`, `Neutral`},
	receiver.TempError: {`v-temp`, `<circle class="o" cx="12" cy="12" r="10.5"/><path class="l" d="M8.8 9.4a3.2 3.2 0 1 1 4.7 2.8c-1 .6-1.5 1.1-1.5 2.2M12 17.6v.2"/>`, `Undecided`},
	receiver.PermError: {`v-perm`, `<rect class="f" x="1.5" y="1.5" width="21" height="21" rx="4"/><path class="k" d="M12 6.2v7.4M12 17.6v.2"/>`, `Unreadable`},
	receiver.None:      {`v-none`, `<circle class="o d" cx="12" cy="12" r="10.5"/>`, `Not signed`},
}

// order is that of verdicts in lists: the worst first.
var order = []receiver.Verdict{
	receiver.PermError, receiver.Fail, receiver.Policy, receiver.TempError, receiver.Neutral, receiver.None, receiver.Pass,
}

// lookOf is how a verdict is shown; what is no verdict is shown as the worst.
func lookOf(v receiver.Verdict) look {
	if l, ok := looks[v]; ok {
		return l
	}
	return looks[receiver.PermError]
}

// sign draws the sign of a verdict; its word stands next to it.
func (p *writer) sign(l look) {
	p.put(`<svg class="sign" viewBox="0 0 24 24" aria-hidden="true" focusable="false">`, l.sign, `</svg>`)
}

// badge writes a verdict in small: its sign and its word.
func (p *writer) badge(v receiver.Verdict) { p.small(lookOf(v)) }

func (p *writer) small(l look) {
	p.put(`<span class="badge `, l.class, `">`)
	p.sign(l)
	p.put(l.word, `</span>`)
}
