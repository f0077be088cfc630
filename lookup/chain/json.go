package chain

import (
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// The JSON form of a Result is stable: fields are only ever added.
type (
	resultJSON struct {
		Name     string       `json:"name"`
		Type     string       `json:"type"`
		Status   string       `json:"status"`
		Presence string       `json:"presence"`
		Code     dnssec.Code  `json:"code"`
		Reason   string       `json:"reason"`
		Advice   string       `json:"advice"`
		EDE      *int         `json:"ede,omitempty"` // Extended DNS Error (RFC 8914)
		TTL      int64        `json:"ttl"`           // seconds
		Records  []recordJSON `json:"records"`
		Aliases  []string     `json:"aliases"`
		Chain    []linkJSON   `json:"chain"`
		Warnings []string     `json:"warnings"`
		// nothing was validated here (mode ad-only)
		Believed bool `json:"believed,omitempty"`
		// the time in which all signatures hold
		Inception  *time.Time `json:"inception,omitempty"`
		Expiration *time.Time `json:"expiration,omitempty"`
	}
	recordJSON struct {
		Usage    uint8  `json:"usage"`
		Selector uint8  `json:"selector"`
		Matching uint8  `json:"matching"`
		Data     string `json:"data"` // hexadecimal
	}
	linkJSON struct {
		Zone      string         `json:"zone"`
		Status    string         `json:"status"`
		Reason    string         `json:"reason"`
		Keys      []keyJSON      `json:"keys"`
		DS        []dsJSON       `json:"ds"`
		Signature *signatureJSON `json:"signature,omitempty"` // over the keys
	}
	keyJSON struct {
		Tag       uint16 `json:"tag"`
		Algorithm uint8  `json:"algorithm"`
		SEP       bool   `json:"sep"`
		Revoked   bool   `json:"revoked"`
		Matched   bool   `json:"matched"` // by a DS or trust anchor
	}
	dsJSON struct {
		Tag        uint16 `json:"tag"`
		Algorithm  uint8  `json:"algorithm"`
		DigestType uint8  `json:"digest_type"`
		Digest     string `json:"digest"`
	}
	signatureJSON struct {
		Tag        uint16    `json:"tag"`
		Algorithm  uint8     `json:"algorithm"`
		Inception  time.Time `json:"inception"`
		Expiration time.Time `json:"expiration"`
	}
)

// MarshalJSON gives the stable form, with lower-case names.
func (r *Result) MarshalJSON() ([]byte, error) {
	out := resultJSON{
		Name: r.Name, Type: r.Type.String(), Status: r.Status.String(), Presence: r.Presence.String(),
		Code: r.Code, Reason: r.Reason, Advice: r.Advice(), TTL: int64(r.TTL / time.Second),
		Records: []recordJSON{}, Aliases: append([]string{}, r.Answer.Aliases...),
		Chain: []linkJSON{}, Warnings: append([]string{}, r.Warnings...), Believed: r.Believed,
		Inception: timeOrNil(r.Answer.Inception), Expiration: timeOrNil(r.Answer.Expiration),
	}
	if r.Answer.EDE >= 0 {
		out.EDE = &r.Answer.EDE
	}
	for _, rec := range r.Records {
		out.Records = append(out.Records, recordJSON{rec.Usage, rec.Selector, rec.MatchingType, hex.EncodeToString(rec.Data)})
	}
	for i := range r.Answer.Links {
		out.Chain = append(out.Chain, linkToJSON(&r.Answer.Links[i]))
	}
	return json.Marshal(out)
}

func linkToJSON(l *dnssec.Link) linkJSON {
	out := linkJSON{Zone: l.Zone, Status: l.Status.String(), Reason: l.Reason, Keys: []keyJSON{}, DS: []dsJSON{}}
	for _, k := range l.Keys {
		out.Keys = append(out.Keys, keyJSON(k))
	}
	for _, ds := range l.DS {
		out.DS = append(out.DS, dsJSON{ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest})
	}
	if l.Signature != nil {
		out.Signature = signatureToJSON(l.Signature)
	}
	return out
}

// signatureToJSON reads the times as those nearest to now; nothing is judged by them.
func signatureToJSON(sig *dns.RRSIG) *signatureJSON {
	now := time.Now()
	return &signatureJSON{sig.KeyTag, sig.Algorithm, moment(sig.Inception, now), moment(sig.Expiration, now)}
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
