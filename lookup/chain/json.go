package chain

import (
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
		TTL      int64         `json:"ttl"`           // seconds
		Records  []recordJSON  `json:"records"`
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
		Code: r.Code, Reason: r.Reason, Advice: r.Advice(), TTL: int64(r.TTL / time.Second),
		Records: []recordJSON{}, Aliases: append([]string{}, r.Answer.Aliases...),
		Chain: r.Nodes(time.Now()), Warnings: append([]string{}, r.Warnings...), Believed: r.Believed,
		Inception: r.Answer.Inception.UTC(), Expiration: r.Answer.Expiration.UTC(),
	}
	if r.Answer.EDE >= 0 {
		out.EDE = &r.Answer.EDE
	}
	for _, rec := range r.Records {
		out.Records = append(out.Records, recordJSON{rec.Usage, rec.Selector, rec.MatchingType, hex.EncodeToString(rec.Data)})
	}
	return json.Marshal(out)
}
