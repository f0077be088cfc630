package recipient

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dnseal/lookup/dane"
	"dnseal/smime"
	"dnseal/smime/certificate"
	"dnseal/smime/message"
)

// keys are those that the records of an answer hold. undecided says that there may be more.
func (s *search) keys(ctx context.Context, w *wanted) (keys []Key, undecided error) {
	authorities := authoritiesIn(w.answer.Records)
	for _, r := range w.answer.Records {
		key, err := s.key(ctx, w.address, r, authorities)
		switch {
		case err == nil:
			keys = add(keys, key)
		case ctx.Err() != nil, errors.Is(err, certificate.ErrWork):
			undecided = err
		default:
			w.Unusable = append(w.Unusable, Unusable{r, err.Error()})
		}
	}
	return w.forEncryption(keys), undecided
}

// forEncryption leaves out bare RSA and EC keys beside a certificate for encryption: a name that
// publishes the key that signs whole (3 1 0) has one, and its owner does not decrypt by it.
func (w *wanted) forEncryption(keys []Key) []Key {
	certified := func(k Key) bool { return k.Certificate != nil }
	if !slices.ContainsFunc(keys, certified) {
		return keys
	}
	return slices.DeleteFunc(keys, func(k Key) bool {
		signs := !certified(k) && k.class == classical
		if signs {
			w.Unusable = append(w.Unusable, Unusable{k.Record, "it is a key alone, and another record has a certificate for encryption"})
		}
		return signs
	})
}

// add leaves out what is there already, and a bare key where a certificate has it: more programs
// find a key by issuer and serial number than by its identifier.
func add(keys []Key, key Key) []Key {
	same := func(k Key) bool { return bytes.Equal(k.spki, key.spki) }
	switch {
	case key.Certificate == nil && slices.ContainsFunc(keys, same),
		key.Certificate != nil && slices.ContainsFunc(keys, func(k Key) bool { return key.Certificate.Equal(k.Certificate) }):
		return keys
	case key.Certificate != nil:
		keys = slices.DeleteFunc(keys, func(k Key) bool { return k.Certificate == nil && same(k) })
	}
	return append(keys, key)
}

// authoritiesIn are the certificates in records of usages 0 and 2: they can be part of a path.
func authoritiesIn(records []dane.Record) (out []*x509.Certificate) {
	for _, r := range records {
		if (r.Usage == dane.PKIXTA || r.Usage == dane.DANETA) && r.Selector == dane.FullCertificate && r.MatchingType == dane.Exact {
			if c, err := certificate.Parse(r.Data); err == nil {
				out = append(out, c)
			}
		}
	}
	return out
}

// key is the one that a record holds. RFC 6698, Section 2.1; RFC 8162, Section 2.
func (s *search) key(ctx context.Context, a message.Address, r dane.Record, authorities []*x509.Certificate) (Key, error) {
	if err := r.Check(); err != nil {
		return Key{}, err
	}
	switch {
	case r.Usage == dane.PKIXTA || r.Usage == dane.DANETA:
		return Key{}, errors.New("it names a certification authority, whose key is not the recipient's")
	case r.MatchingType != dane.Exact:
		return Key{}, errors.New("it is a digest, and holds no key")
	case r.Selector == dane.FullCertificate:
		return s.certified(ctx, a, r, authorities)
	case r.Usage == dane.PKIXEE:
		return Key{}, errors.New("its usage wants a certificate, and it holds a key alone")
	}
	key, err := bareKey(r.Data)
	key.Record = r
	return key, err
}

// certified is the key of a record that holds a certificate.
func (s *search) certified(ctx context.Context, a message.Address, r dane.Record, authorities []*x509.Certificate) (Key, error) {
	c, err := certificate.Parse(r.Data)
	if err != nil {
		return Key{}, err
	}
	key, err := FromCertificate(c, s.Now())
	if err != nil {
		return Key{}, err
	}
	key.Record = r
	if err = checkName(c, a); err != nil || r.Usage == dane.DANEEE {
		return key, err
	}
	return key, s.checkPath(ctx, c, a, r, authorities)
}

// checkPath wants of a certificate under usage 1 a name and a path to a root (RFC 7671, Section
// 5.3), for mail (RFC 8550, Section 4.4.4).
func (s *search) checkPath(ctx context.Context, c *x509.Certificate, a message.Address, r dane.Record, authorities []*x509.Certificate) error {
	results, matched, _ := dane.Match(ctx, []dane.Record{r}, dane.MatchOptions{
		Certificate: c, Chain: authorities, NameOK: func(c *x509.Certificate) bool { return slices.Contains(addressesOf(c), a) },
		Roots: s.Roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}, At: s.Now(), Work: &s.work,
	})
	switch {
	case matched:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case s.work.Exhausted():
		return certificate.ErrWork
	case results[0].Usable():
		return errors.New(results[0].Reason)
	}
	return errors.New(strings.TrimPrefix(results[0].Result, "unusable: "))
}

// checkName wants a certificate for the address, or for no address at all: what its owner publishes
// under usage 3 needs no name (RFC 8162, Section 3), but a certificate of another is a mistake that
// would let the other read the message.
func checkName(c *x509.Certificate, a message.Address) error {
	names := addressesOf(c)
	if len(names) == 0 || slices.Contains(names, a) {
		return nil
	}
	return fmt.Errorf("its certificate is for %s, and not for %s", names[0], a)
}

func addressesOf(c *x509.Certificate) (out []message.Address) {
	for _, n := range smime.CertificateNames(c) {
		if n.Kind == smime.NameMail {
			out = append(out, n.Address)
		}
	}
	return out
}
