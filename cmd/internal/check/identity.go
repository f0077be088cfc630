package check

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"dnseal/cmd/internal/progress"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// soon is how long before its end a certificate is worth a note.
const soon = 30 * 24 * time.Hour

// identity checks one identity: its certificate's dates, its record against its key, a test
// message.
func (k *checker) identity(ctx context.Context, name string) {
	id, err := k.config.Identity(name)
	if err != nil {
		k.wrong(k.config.At("identities"), "identity %s: %v", name, err)
		return
	}
	k.certificate(id)
	k.record(ctx, id)
	if id.CanSign() != nil {
		k.note("identity %s: its private key is not here: the record can be published, and nothing can be signed", id.Name)
		return
	}
	if err := k.proofs[name].signing; err != nil {
		k.wrong(k.config.At("identities"), "identity %s cannot sign: %v", id.Name, err)
		return
	}
	k.okFor("sign a test message, and the signature verifies", "identity %s: signs a test message, and the signature verifies", id.Name)
}

// certificate compares the certificate's names with the identity.
func (k *checker) certificate(id *identity.Identity) {
	if err := id.CheckName(); err != nil {
		k.wrong(k.config.At("identities"), "identity %s; %s", strings.TrimPrefix(err.Error(), "identity: "), identity.Hint(err))
	}
}

// record compares the record in the DNS with the key (RFC 8162, Section 3).
func (k *checker) record(ctx context.Context, id *identity.Identity) {
	owner, typ, err := id.OwnerName()
	if err != nil {
		k.wrong(k.config.At("identities"), "identity %s: %v", id.Name, err)
		return
	}
	res := k.proofs[id.Name].record
	publish := fmt.Sprintf("publish what this prints: dnseal identity record %s --identities %s", identity.Quote(id.Name), identity.Quote(k.config.Identities))
	if id.Certificate == nil {
		publish += " --matching 0" // the key itself: see match
	}
	switch {
	case res.Status == dnssec.Secure && res.Presence == dane.Present:
		k.match(ctx, id, res, publish)
	case res.Status == dnssec.Secure:
		k.wrongFor(id.Name, "no record in zone "+res.Zone(), k.config.At("identities"), "identity %s has no record: there is no %s at %s; %s", id.Name, typ, owner, publish)
	case res.Status == dnssec.Insecure && res.Code != dnssec.CodeUnsigned:
		k.wrongFor(id.Name, strings.TrimSpace(string(res.Code)+" "+res.Zone()), k.config.At("identities"), "identity %s: the DNS proves nothing about %s: %s; see: dnseal lookup %s", id.Name, owner, res.Reason, identity.Quote(id.Name))
	case res.Status == dnssec.Insecure:
		k.wrongFor(id.Name, "unsigned zone "+res.Zone(), k.config.At("identities"), "identity %s: the zone of %s is not signed, so its record proves nothing; sign it by DNSSEC, or see: dnseal lookup %s", id.Name, owner, identity.Quote(id.Name))
	case res.Status == dnssec.Bogus:
		k.wrongFor(id.Name, "bogus zone "+res.Zone(), k.config.At("identities"), "identity %s: the DNS answer for %s is bogus: %s; see: dnseal lookup %s", id.Name, owner, res.Reason, identity.Quote(id.Name))
	default:
		k.unsureFor(id.Name, strings.TrimSpace(string(res.Code)+" "+res.Zone()), k.config.At("identities"), "identity %s: %s %s could not be looked up: %s; see: dnseal lookup %s --trace", id.Name, typ, owner, res.Reason, identity.Quote(id.Name))
	}
}

func (k *checker) match(ctx context.Context, id *identity.Identity, res *lookup.Result, publish string) {
	spki, err := id.SPKI()
	if err != nil {
		k.wrong(k.config.At("identities"), "identity %s: %v", id.Name, err)
		return
	}
	results, matched, _ := dane.Match(ctx, res.Records, dane.MatchOptions{Certificate: id.Certificate, SPKI: spki, Chain: id.Chain, At: k.now, NameOK: id.Names})
	// RFC 6698, Section 2.1.3: without a certificate in the message the record has the only copy of
	// the key.
	for _, r := range results {
		if r.Matched() && (id.Certificate != nil || r.Record.MatchingType == dane.Exact) {
			k.okFor("have a record that matches their key, DNSSEC secure", "identity %s: %s %d %d %d at %s matches its key, DNSSEC secure", id.Name, res.Type, r.Record.Usage, r.Record.Selector, r.Record.MatchingType, res.Name)
			k.absence(ctx, res)
			k.dates(id, r.Record.Usage)
			return
		}
	}
	if matched {
		k.wrong(k.config.At("identities"), "identity %s has no certificate, and the record at %s is only a digest of its key: nobody gets the key itself; %s", id.Name, res.Name, publish)
		return
	}
	k.wrongFor(id.Name, "another key in zone "+res.Zone(), k.config.At("identities"), "identity %s: no record at %s matches its key; %s", id.Name, res.Name, publish)
}

// dates checks the certificate's dates, which count only where the record is not DANE-EE (RFC 7671,
// Section 5.1).
func (k *checker) dates(id *identity.Identity, usage uint8) {
	c := id.Certificate
	if c == nil {
		return
	}
	until := c.NotAfter.UTC().Format(time.DateOnly)
	switch {
	case k.now.After(c.NotAfter) && usage != dane.DANEEE:
		k.wrong(k.config.At("identities"), "identity %s: its certificate ended on %s, and by its record the dates count; renew it", id.Name, until)
	case k.now.After(c.NotAfter):
		k.note("identity %s: its certificate ended on %s; receivers that use DANE-EE ignore that, others do not", id.Name, until)
	case k.now.Before(c.NotBefore):
		k.wrong(k.config.At("identities"), "identity %s: its certificate begins on %s; check the clock of this machine", id.Name, c.NotBefore.UTC().Format(time.DateOnly))
	case c.NotAfter.Sub(k.now) < soon:
		k.note("identity %s: its certificate ends on %s; renew it", id.Name, until)
	}
}

// proof is what takes time to find out about an identity.
type proof struct {
	record  *lookup.Result
	signing error
}

// prove looks up the records of identities and signs by each, some at the same time.
func (k *checker) prove(ctx context.Context, names []string, show io.Writer) {
	bar := progress.New(show, "identities")
	bar.Expect(len(names))
	defer bar.Clear()
	k.proofs = map[string]proof{}
	var mu sync.Mutex
	each(names, func(name string) {
		defer bar.Done(1)
		id, err := k.config.Identity(name)
		if err != nil {
			return // said when it is its turn
		}
		var p proof
		if res, err := sender.Records(ctx, k.dns.Lookup, id); err == nil {
			p.record = res
		}
		p.signing = k.testMessage(ctx, id)
		mu.Lock()
		defer mu.Unlock()
		k.proofs[name] = p
	})
}

// testMessage signs a message in memory. FullSelfCheck verifies the signature value.
func (k *checker) testMessage(ctx context.Context, id *identity.Identity) error {
	from := id.Name
	if id.Kind != identity.Mail {
		from = "test@example.org"
	}
	text := "From: <" + from + ">\r\nTo: <test@example.net>\r\nSubject: dnseal check\r\nDate: " + k.now.Format(time.RFC1123Z) +
		"\r\nMessage-ID: <check@dnseal>\r\n\r\nSigned by dnseal check, and not sent.\r\n"
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // in memory
	edit, err := sender.SignMessage(ctx, m, []*identity.Identity{id}, smime.SignOptions{Time: k.now, FullSelfCheck: true})
	if err != nil {
		return err
	}
	return edit.Close()
}
