package handover

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/sender/identity"
	"dnseal/smime/cms"
)

// proveGiver wants one signature over the content by a certificate that states the giver's name,
// and a record of that name that vouches for its key. What needs no lookup comes first.
func proveGiver(ctx context.Context, sd *cms.SignedData, opts *ReadOptions) error {
	kind, name, err := identity.ParseName(opts.Giver)
	if err != nil {
		return err
	}
	opts.Giver = name
	giver := &identity.Identity{Name: name, Kind: kind}
	cert, err := checkSignature(sd, giver)
	if err != nil {
		return fmt.Errorf("handover: %w: %w", ErrNotProven, err)
	}
	return checkRecords(ctx, giver, cert, sd.Certificates, opts)
}

// checkSignature wants the signature right, over signed attributes that name the certificate (RFC
// 5035): under usage 3 nothing else binds the key to the name.
func checkSignature(sd *cms.SignedData, giver *identity.Identity) (*x509.Certificate, error) {
	si := sd.Signers[0]
	cert := si.Certificate(sd, nil)
	switch {
	case cert == nil:
		return nil, errors.New("the certificate of the signer is not in it")
	case !si.SignedAttributes || !si.HashesCertificate():
		return nil, errors.New("the signature does not say by which certificate it is")
	case !giver.Names(cert):
		return nil, fmt.Errorf("the signer's certificate is not for %s", giver.Name)
	}
	pub, err := cms.PublicKey(cert)
	if err == nil {
		err = cms.CheckStrength(pub)
	}
	if err == nil {
		err = si.Verify(sd.Digests(), pub)
	}
	return cert, err
}

// checkRecords looks the giver up. Before it refuses, it asks once more past the cache.
func checkRecords(ctx context.Context, giver *identity.Identity, cert *x509.Certificate, chain []*x509.Certificate, opts *ReadOptions) error {
	owner, t, err := giver.OwnerName()
	if err != nil {
		return err
	}
	err = match(ctx, opts.Lookup.Lookup(ctx, owner, t), giver, cert, chain, opts.Now)
	if errors.Is(err, ErrNotProven) {
		err = match(ctx, opts.Lookup.LookupFresh(ctx, owner, t), giver, cert, chain, opts.Now)
	}
	return err
}

// match wants a secure record that vouches for the certificate.
func match(ctx context.Context, res *lookup.Result, giver *identity.Identity, cert *x509.Certificate, chain []*x509.Certificate, now time.Time) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("handover: %w", ctx.Err())
	// RFC 6698, Section 4.1: records of an unsigned zone are not used.
	case res.Status == dnssec.Insecure:
		return fmt.Errorf("handover: %w: %s is in a zone without DNSSEC, where anybody can publish for it", ErrNotProven, giver.Name)
	case res.Status != dnssec.Secure || res.Presence == dane.Unknown:
		return fmt.Errorf("handover: %w: the records of %s are %s: %s", ErrUndecided, giver.Name, res.Status, res.Reason)
	case res.Presence == dane.Absent:
		return fmt.Errorf("handover: %w: %s publishes no key (no %s record at %s)", ErrNotProven, giver.Name, res.Type, res.Name)
	}
	results, matched, _ := dane.Match(ctx, res.Records, dane.MatchOptions{Certificate: cert, Chain: chain, NameOK: giver.Names, At: now})
	switch {
	case matched:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("handover: %w", ctx.Err())
	}
	return fmt.Errorf("handover: %w: the key that signed is not one that %s publishes: %s", ErrNotProven, giver.Name, dane.Reasons(results))
}
