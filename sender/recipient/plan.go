package recipient

import (
	"cmp"
	"slices"

	"dnseal/smime/cms/enveloped"
)

// Group is one encryption of a message.
type Group struct {
	// Addresses are those it is for.
	Addresses []string
	// Bcc says that it is for one recipient of whom the others do not learn. RFC 5322, Section
	// 3.6.3.
	Bcc bool
	// Recipients are all their keys, and in visible groups the sender's own.
	Recipients []enveloped.Recipient
	// Cipher of the content.
	Cipher enveloped.Cipher
}

// PlanOptions are for [Plan]. The zero value is safe.
type PlanOptions struct {
	// Profile is the one that the keys were found with; empty: Compatible.
	Profile Profile
	// Self are the sender's own keys, so that he can read what he sent: those of a group's class
	// are added to it. Groups for Bcc have none.
	Self []Key
}

// Plan groups recipients who can share an encryption: visible ones by class of their keys (RSA and
// NIST curves together, X25519, ML-KEM), since programs that do not know a class can refuse the
// whole message. Each of bcc gets one of his own: the list of recipients in an encryption would
// tell of him. Who is in both lists is visible. No group has more than enveloped.MaxRecipients
// keys. Groups are in the order of their first recipient,
// those for bcc last.
//
// The error is an [*Error]: a recipient has no key.
func Plan(visible, bcc []*Found, opts PlanOptions) ([]Group, error) {
	var gs []*group
	seen := map[string]bool{}
	for i, f := range slices.Concat(visible, bcc) {
		switch {
		case f.Err != nil:
			return nil, f.Err
		case len(f.Keys) == 0:
			return nil, &Error{Address: f.Address, Code: codeUnknown, Reason: "it was not looked up", Temporary: true}
		case seen[f.id()]:
			continue
		}
		seen[f.id()] = true
		gs = place(gs, f, i >= len(visible), len(opts.Self))
	}
	out := make([]Group, 0, len(gs))
	for _, g := range gs {
		out = append(out, g.finish(opts))
	}
	return out, nil
}

// id is the same for two ways to write an address.
func (f *Found) id() string { return cmp.Or(f.Name, f.Address) }

// group is a Group that is being made.
type group struct {
	Group
	class class
	keys  []Key
}

// place puts a person into the group that he belongs to, where it has room for his keys and so many
// of the sender's.
func place(gs []*group, f *Found, bcc bool, self int) []*group {
	c := f.Keys[0].class
	i := -1
	if !bcc {
		i = slices.IndexFunc(gs, func(g *group) bool {
			return g.class == c && !g.Bcc && len(g.keys)+len(f.Keys)+self <= enveloped.MaxRecipients
		})
	}
	if i < 0 {
		i, gs = len(gs), append(gs, &group{Group: Group{Bcc: bcc}, class: c})
	}
	gs[i].Addresses = append(gs[i].Addresses, f.Address)
	gs[i].add(f.Keys)
	return gs
}

// add adds keys, each once: several addresses can be one person's.
func (g *group) add(keys []Key) {
	for _, k := range keys {
		g.keys = add(g.keys, k)
	}
}

// finish adds the sender and chooses how it is encrypted.
func (g *group) finish(opts PlanOptions) Group {
	if !g.Bcc {
		g.add(ofClass(opts.Self, g.class))
	}
	g.Cipher = opts.Profile.cipher(g.keys)
	for _, k := range g.keys {
		r := k.Recipient
		// RFC 3560; only RSA keys are affected.
		r.OAEP = opts.Profile == Modern && k.isRSA()
		g.Recipients = append(g.Recipients, r)
	}
	return g.Group
}
