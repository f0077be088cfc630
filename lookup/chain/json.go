package chain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"time"

	"dnseal/lookup/dnssec"
)

// The JSON form of a Result is stable: fields are only ever added.
type (
	resultJSON struct {
		Name     string        `json:"name"`
		Type     string        `json:"type"`
		Status   dnssec.Status `json:"status"`
		Presence string        `json:"presence"`
		Code     dnssec.Code   `json:"code"`
		Reason   string        `json:"reason"`
		Advice   string        `json:"advice"`
		EDE      *int          `json:"ede,omitempty"` // Extended DNS Error (RFC 8914)
		TTL      int64         `json:"ttl"`           // seconds; 0 where nothing is proven
		Records  []recordJSON  `json:"records"`
		Texts    []string      `json:"texts,omitempty"` // of TXT; not UTF-8: U+FFFD
		Aliases  []string      `json:"aliases"`
		Chain    []*Node       `json:"chain"`
		Warnings []string      `json:"warnings"`
		// nothing was validated here (mode ad-only)
		Believed bool `json:"believed,omitempty"`
		// the time in which all signatures hold
		Inception  time.Time `json:"inception,omitzero"`
		Expiration time.Time `json:"expiration,omitzero"`
	}
	recordJSON struct {
		Usage    uint8  `json:"usage"`
		Selector uint8  `json:"selector"`
		Matching uint8  `json:"matching"`
		Data     string `json:"data"` // hexadecimal
	}
)

// MarshalJSON gives the stable form, with lower-case names.
func (r *Result) MarshalJSON() ([]byte, error) {
	out := resultJSON{
		Name: r.Name, Type: r.Type.String(), Status: r.Status, Presence: r.Presence.String(),
		Code: r.Code, Reason: r.Reason, Advice: r.Advice(), TTL: int64(r.goodFor() / time.Second),
		Records: []recordJSON{}, Texts: r.Texts, Aliases: append([]string{}, r.Answer.Aliases...),
		Chain: r.Nodes(time.Now()), Warnings: append([]string{}, r.Warnings...), Believed: r.Believed,
		Inception: r.Answer.Inception.UTC(), Expiration: r.Answer.Expiration.UTC(),
	}
	if r.Answer.EDE >= 0 {
		out.EDE = &r.Answer.EDE
	}
	for _, rec := range r.Records {
		out.Records = append(out.Records, recordJSON{rec.Usage, rec.Selector, rec.MatchingType, hex.EncodeToString(rec.Data)})
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // an encoder that wants it escapes what this returns
	err := e.Encode(out)
	return text.Bytes(), err
}

// goodFor is how long the answer may be used; 0 where nothing is known of it: what is bogus or
// indeterminate has no TTL (RFC 4035, Section 5.3.3).
func (r *Result) goodFor() time.Duration {
	if r.Status != dnssec.Secure && r.Status != dnssec.Insecure {
		return 0
	}
	return r.TTL
}
