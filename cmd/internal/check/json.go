package check

import (
	"fmt"

	"dnseal/sender"
)

// recordJSON is the record of an identity.
type recordJSON struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	State    string `json:"state"`  // published, absent, another key, insecure, bogus, unknown
	DNSSEC   string `json:"dnssec"` // secure, insecure, bogus, indeterminate
	Usage    *uint8 `json:"usage,omitempty"`
	Selector *uint8 `json:"selector,omitempty"`
	Matching *uint8 `json:"matching,omitempty"`
	Reason   string `json:"reason"`
}

func jsonOf(r *sender.Record) *recordJSON {
	if r == nil {
		return nil
	}
	out := &recordJSON{Name: r.Name, Type: fmt.Sprint(r.Type), State: state(r), DNSSEC: r.Status.String(), Reason: r.Reason}
	if r.Code == "" {
		out.Usage, out.Selector, out.Matching = &r.Match.Usage, &r.Match.Selector, &r.Match.MatchingType
	}
	return out
}

// formJSON is a form with its recipients.
type formJSON struct {
	Form string   `json:"form"` // clear, opaque, plain
	To   []string `json:"to"`
	// Cipher of the encryption; absent: it is not encrypted.
	Cipher string `json:"cipher,omitempty"`
}

// answerJSON is what would be done with a message.
type answerJSON struct {
	As       []string    `json:"as"`
	From     string      `json:"from"`
	MailFrom string      `json:"mail_from"`
	To       []string    `json:"to"`
	Signed   bool        `json:"signed"`
	Rule     int         `json:"rule"` // from 1; 0: none permits it
	RuleAt   string      `json:"rule_at"`
	Identity string      `json:"identity"`
	Record   *recordJSON `json:"record"`
	Forms    []formJSON  `json:"forms"`
	Class    string      `json:"class"`
	Code     string      `json:"code"`
	Reason   string      `json:"reason"`
	Action   string      `json:"action"`
	Reply    string      `json:"reply"`
	// DKIM are the signatures by DKIM that it would get, as DOMAIN/SELECTOR.
	DKIM []string `json:"dkim"`
}

func (a *answer) json(signed bool) answerJSON {
	w := a.why
	out := answerJSON{
		As: a.question.As, From: w.From, MailFrom: a.env.MailFrom, To: list(a.env.Rcpt), Signed: signed, Rule: w.Rule, Identity: w.Identity, Record: jsonOf(w.Record),
		Forms: []formJSON{}, Class: string(w.Class), Code: w.Code, Reason: w.Reason, Action: w.Action.String(),
		DKIM: list(a.dkim),
	}
	if w.Rule > 0 {
		out.RuleAt = a.config.At(fmt.Sprintf("sign.rule[%d]", w.Rule-1))
	}
	for _, f := range w.Forms {
		form := formJSON{Form: formWord(f.Form), To: list(f.Rcpt)}
		if f.Encryption != nil {
			form.Cipher = string(f.Encryption.Cipher)
		}
		out.Forms = append(out.Forms, form)
	}
	if w.Reply.Code > 0 {
		out.Reply = fmt.Sprintf("%d %s %s", w.Reply.Code, w.Reply.Enhanced, w.Reply.Text)
	}
	return out
}

// list is never null.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// formWord is the word for a form.
func formWord(f sender.Form) string {
	if f == sender.FormPlain {
		return "plain"
	}
	return string(f)
}

// rowJSON is a row of the table: a rule with an identity, a rule without one, or an identity
// without a rule.
type rowJSON struct {
	Rule     int         `json:"rule"` // from 1; 0: no rule uses the identity
	RuleAt   string      `json:"rule_at"`
	Who      []string    `json:"who"`
	From     []string    `json:"from"`
	Identity string      `json:"identity"` // empty: there is none for the rule
	Record   *recordJSON `json:"record"`
}

// json returns all rows; uses are in the order of the rules.
func (t *table) json(uses []sender.Use, unused []string) []rowJSON {
	var out []rowJSON
	for i, r := range t.config.Sign.Rules {
		at, before := t.config.At(fmt.Sprintf("sign.rule[%d]", i)), len(uses)
		for ; len(uses) > 0 && uses[0].Rule == i+1; uses = uses[1:] {
			u := uses[0]
			out = append(out, rowJSON{u.Rule, at, u.Who, u.From, u.Identity, jsonOf(t.records[u.Identity])})
		}
		if len(uses) == before {
			out = append(out, rowJSON{i + 1, at, r.Who, r.From, "", nil})
		}
	}
	for _, name := range unused {
		out = append(out, rowJSON{0, "", []string{}, []string{}, name, jsonOf(t.records[name])})
	}
	return out
}
