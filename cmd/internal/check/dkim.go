package check

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/dkim"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/sender"
	"dnseal/smime/message"
)

// dkim compares each key of [dkim] with its record (RFC 6376, Section 3.6.1).
func (k *checker) dkim(ctx context.Context) {
	keys := k.config.DKIMKeys()
	answers := k.dkimRecords(ctx, keys)
	for i, key := range keys {
		k.dkimKey(key, k.config.At(fmt.Sprintf("dkim.sign[%d]", i)), answers[key.Name()])
	}
	k.repeated()
	if len(keys) > 0 && !k.signs() {
		k.note("[dkim] has keys, and no relay of role submission and no milter of role sign is here that would sign with them")
	}
}

// signs reports whether a listener signs.
func (k *checker) signs() bool {
	for _, l := range listeners(k.config) {
		if l.signs {
			return true
		}
	}
	return false
}

// dkimRecords looks up the records of keys, by name.
func (k *checker) dkimRecords(ctx context.Context, keys []dkim.Key) map[string]*lookup.Result {
	var names []string
	for _, key := range keys {
		names = append(names, key.Name())
	}
	out := map[string]*lookup.Result{}
	var mu sync.Mutex
	each(names, func(name string) {
		res := k.dns.Lookup(ctx, name, dane.TXT)
		mu.Lock()
		defer mu.Unlock()
		out[name] = res
	})
	return out
}

// dkimKey reports one key. That a zone is not signed is told, and is no fault: DKIM works without
// DNSSEC.
func (k *checker) dkimKey(key dkim.Key, at string, res *lookup.Result) {
	found := key.Compare(res)
	text := fmt.Sprintf("DKIM key %s: %s", key.Name(), found.Text(key))
	switch {
	case found.State == dkim.Unknown:
		k.unsureFor(key.Name(), strings.TrimSpace(string(res.Code)+" "+res.Zone()), at, "%s", text)
	case found.Wrong():
		k.wrongFor(key.Name(), fmt.Sprint("DKIM key ", found.State, " in zone ", res.Zone()), at, "%s", text)
	case found.Testing:
		k.note("%s", text)
	default:
		k.ok("%s", text)
	}
	if bits := key.Bits(); bits > 0 && bits < dkim.StrongRSA {
		k.note("DKIM key %s: RSA of %d bits, which some verifiers refuse; make one of %d under another selector: dnseal dkim new %s --selector NAME", key.Name(), bits, dkim.StrongRSA, key.Domain)
	}
}

// dkimNames are the keys, as DOMAIN/SELECTOR, that would sign a message which is passed on, as the
// daemons decide it.
func dkimNames(c *config.Config, m *message.Message, who message.Submitter, why *sender.Explanation) (names []string) {
	if why.Action != message.Accept || why.Class == sender.ClassNotAllowed || !c.Submitters()(who) {
		return nil
	}
	for _, k := range dkim.NewSigner(c.DKIMKeys(), c.Hostname).KeysFor(m) {
		names = append(names, k.Domain+"/"+k.Selector)
	}
	return names
}
