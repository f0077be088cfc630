package page

import (
	"cmp"
	"slices"
	"strings"

	"dnseal/receiver"
	"dnseal/smime"
	"dnseal/smime/message"
)

// closedLook is that of a message that is encrypted and was not opened: whether it is signed is not
// known.
var closedLook = look{`v-none`, `<rect class="o" x="3.5" y="10.5" width="17" height="11.5" rx="2"/><path class="l" d="M7.5 10.5V7a4.5 4.5 0 0 1 9 0v3.5"/>`, `Encrypted, not opened`}

// closed reports whether the message as a whole is encrypted, and was not opened.
func closed(r *receiver.Report) bool {
	return r.Verdict == receiver.None && r.Code == receiver.CodeEncrypted && r.Found() != nil && r.Found().Kind == smime.KindEncrypted
}

// lookOfReport is how the verdict of a message is shown.
func lookOfReport(r *receiver.Report) look {
	if closed(r) {
		return closedLook
	}
	return lookOf(r.Verdict)
}

// subject is the Subject that readers show: the one inside, where an encryption hid it.
func (d *document) subject(p *writer) {
	r := d.report
	if r.InnerSubject() == "" {
		d.shown(p, `Subject`, cmp.Or(r.Subject, "none"))
		return
	}
	p.put(`<div><dt>Subject</dt><dd>`)
	p.factValue(r.InnerSubject())
	d.changed(p, `Subject`)
	if r.DecryptedSubject != "" {
		p.put(`<div>It was encrypted; no signature proves it.</div>`)
	}
	p.put(`<div><span class="none">outside: `)
	if r.Subject == "" {
		p.put(`none`)
	} else {
		p.factValue(r.Subject)
	}
	p.put(`</span></div></dd></div>`)
}

// encryption has a fact for each layer of encryption around the content.
func (d *document) encryption(p *writer) {
	const most = 5
	for i, e := range d.report.Encryption {
		p.put(`<div><dt>Encryption</dt><dd>`)
		if i == most {
			p.count(len(d.report.Encryption)-most, `more layer`, `more layers`)
			p.put(`</dd></div>`)
			return
		}
		d.layer(p, &e)
		p.put(`</dd></div>`)
	}
}

// layer says how a layer was encrypted and what that proves, or why it was not opened.
func (d *document) layer(p *writer, e *receiver.EncryptionReport) {
	if e.Error != "" {
		p.put(`not opened: `)
		p.factValue(e.Error)
		return
	}
	p.factValue(e.Algorithm)
	p.put(`, key by `)
	p.factValue(e.KeyEncryption)
	p.put(`, `)
	p.count(e.Recipients, `recipient`, `recipients`)
	p.put(`<div>`)
	switch {
	case e.Authenticated:
		p.put(`Authenticated: nothing was changed after it was encrypted. Who encrypted it is not proven by that.`)
	case d.report.Verdict == receiver.Pass:
		p.put(`The cipher does not show changes; the signature does, and there were none.`)
	default:
		p.put(`Not authenticated: the cipher does not show changes, and no signature proves that there were none.`)
	}
	p.put(`</div>`)
	if e.Warning != "" {
		p.put(`<div><b>Warning:</b> `)
		p.factValue(sentence(e.Warning))
		p.put(`</div>`)
	}
}

// hiddenOutside reports whether the sender put another field outside than inside, or none, when he
// encrypted (RFC 9788, Section 3.2).
func hiddenOutside(f smime.HeaderField, s *receiver.SignatureReport) bool {
	if s.HeaderProtection != smime.ProtectionCipher || f.Differs || len(f.Signed) == 0 {
		return false
	}
	same := func(a, b message.Field) bool {
		return slices.Equal(strings.Fields(a.Unfolded()), strings.Fields(b.Unfolded()))
	}
	return !slices.EqualFunc(f.Signed, f.Outer, same)
}
