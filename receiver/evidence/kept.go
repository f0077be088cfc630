package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
)

// Judged is what a message was judged by in addition to the DNS.
type Judged struct {
	anchors Anchors
	policy  Policy
	keys    [2]string
}

// JudgedBy notes trust anchors (nil: those that the program comes with) and a policy.
func JudgedBy(anchors *dnssec.Anchors, policy Policy) Judged {
	if anchors == nil {
		anchors = dnssec.RootAnchors()
	}
	j := Judged{anchors: anchors.Records(), policy: policy}
	a, _ := json.Marshal(j.anchors) //nolint:errchkjson // strings alone
	p, _ := json.Marshal(j.policy)  //nolint:errchkjson // strings alone
	j.keys = [2]string{short("anchors " + string(a)), short("policy " + string(p))}
	return j
}

// kept is what is kept of a message.
type kept struct {
	message *Message // without what refers to lines
	lookups []*lookup.Result
	by      Judged
}

// keptOf takes from a report what is kept of it. ok is false where there is nothing to keep.
func keptOf(r *receiver.Report, by Judged) (k kept, ok bool) {
	if r.Digests == nil || len(r.Digests.Objects) == 0 {
		return kept{}, false
	}
	return kept{message: &Message{
		SHA256: r.Digests.Message, Size: r.Digests.Size, Signatures: r.Digests.Objects[:min(len(r.Digests.Objects), maxObjects)],
		MessageID: r.MessageID, From: r.From, CheckedAt: r.CheckedAt.UTC(), Verdict: string(r.Verdict), Code: string(r.Code),
	}, lookups: r.Lookups(), by: by}, true
}

// PolicyOf is the policy that a receiver with these options applies.
func PolicyOf(opts *receiver.Options) Policy {
	p := Policy{Saved: opts.Saved}
	for _, d := range opts.Domains {
		p.Domains = append(p.Domains, Domain{Names: d.Names, Require: string(d.Require), Devices: d.Devices})
	}
	for _, c := range opts.PKIXRoots {
		h := sha256.Sum256(c.Raw)
		p.Roots = append(p.Roots, hex.EncodeToString(h[:]))
	}
	slices.Sort(p.Roots)
	return p
}
