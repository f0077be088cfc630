package certificate

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"
	"testing"
)

// issued makes chains for the rules that are not about names: root, authority, leaf, and what edit
// changes of each.
func issued(t *testing.T, edit func(level int, c *x509.Certificate)) []*x509.Certificate {
	t.Helper()
	g := newGenerator(t)
	chain := make([]*x509.Certificate, 3)
	for i := 2; i >= 0; i-- {
		template := &x509.Certificate{NotBefore: pathTime.AddDate(-1, 0, 0), NotAfter: pathTime.AddDate(1, 0, 0), RawSubject: dn([]string{"leaf", "authority", "root"}[i])}
		if i > 0 {
			template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
		}
		if edit != nil {
			edit(i, template)
		}
		var parent *x509.Certificate
		if i < 2 {
			parent = chain[i+1]
		}
		if chain[i] = g.issue(template, parent, i); chain[i] == nil {
			t.Fatal("cannot be made")
		}
	}
	return chain
}

func policy(t *testing.T, text string) x509.OID {
	t.Helper()
	id, err := x509.ParseOID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestPath has a line for each rule of RFC 5280, Section 6.1, that is not about names.
func TestPath(t *testing.T) {
	t.Parallel()
	one, other := policy(t, "1.3.6.1.4.1.99999.1"), policy(t, "1.3.6.1.4.1.99999.2")
	at := func(level int, change func(*x509.Certificate)) func(int, *x509.Certificate) {
		return func(i int, c *x509.Certificate) {
			if i == level {
				change(c)
			}
		}
	}
	explicit := func(leaf ...x509.OID) func(int, *x509.Certificate) {
		return func(i int, c *x509.Certificate) {
			switch i {
			case 1:
				c.Policies = []x509.OID{one}
				c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 36}, Critical: true, Value: []byte{0x30, 3, 0x80, 1, 0}}}
			case 0:
				c.Policies = leaf
			}
		}
	}
	for _, tt := range []struct {
		name string
		edit func(int, *x509.Certificate)
		want bool
	}{
		{"all is well", nil, true},
		{"the leaf has expired", at(0, func(c *x509.Certificate) { c.NotAfter = pathTime.AddDate(0, 0, -1) }), false},
		{"the authority is not valid yet", at(1, func(c *x509.Certificate) { c.NotBefore = pathTime.AddDate(0, 0, 1) }), false},
		{"the anchor has expired", at(2, func(c *x509.Certificate) { c.NotAfter = pathTime.AddDate(0, 0, -1) }), false},
		{"the authority is none", at(1, func(c *x509.Certificate) { c.IsCA = false }), false},
		{"the anchor is no authority", at(2, func(c *x509.Certificate) { c.IsCA = false }), false},
		{"the authority may not sign certificates", at(1, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }), false},
		{"the anchor allows no authority below", at(2, func(c *x509.Certificate) { c.MaxPathLenZero = true }), false},
		{"the authority allows no other below", at(1, func(c *x509.Certificate) { c.MaxPathLenZero = true }), true},
		{"the authority is for web servers", at(1, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), false},
		{"the leaf is for mail", at(0, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }), true},
		{"a policy is demanded, and there", explicit(one), true},
		{"a policy is demanded, and another there", explicit(other), false},
		{"a policy is demanded, and none there", explicit(), false},
	} {
		chain := issued(t, tt.edit)
		err := Verify(t.Context(), chain[0], Options{
			Certificates: chain[1:], Anchors: chain[2:], At: pathTime, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		})
		if (err == nil) != tt.want {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestPathNone: without an anchor, a time, a signature that holds or a certificate the path must go
// through there is none.
func TestPathNone(t *testing.T) {
	t.Parallel()
	chain, strangers := issued(t, nil), issued(t, func(i int, c *x509.Certificate) { c.RawSubject = dn([]string{"x", "authority", "y"}[i]) })
	good := Options{Certificates: chain, Anchors: chain[2:], At: pathTime}
	for name, edit := range map[string]func(*Options){
		"no anchor":            func(o *Options) { o.Anchors = nil },
		"the leaf as anchor":   func(o *Options) { o.Anchors = chain[:1] },
		"a link is missing":    func(o *Options) { o.Certificates = nil },
		"another's key":        func(o *Options) { o.Anchors, o.Key = nil, strangers[0].RawSubjectPublicKeyInfo },
		"not through that one": func(o *Options) { o.Through = strangers[1].Equal },
	} {
		opts := good
		edit(&opts)
		if err := Verify(t.Context(), chain[0], opts); !errors.Is(err, ErrNoPath) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Verify(t.Context(), chain[0], Options{Certificates: chain, Anchors: chain[2:]}); err == nil {
		t.Error("a path holds at no time")
	}
	good.Anchors, good.Key = nil, chain[2].RawSubjectPublicKeyInfo
	if err := Verify(t.Context(), chain[0], good); err != nil {
		t.Errorf("by the key of the anchor: %v", err)
	}
}

// TestWork: strangers' certificates cost a fixed number of signature checks, and end with the
// context.
func TestWork(t *testing.T) {
	t.Parallel()
	var mesh []*x509.Certificate
	g := newGenerator(t)
	for range 16 { // all have the name of the leaf's issuer, and none its key
		c := g.issue(&x509.Certificate{NotBefore: pathTime, NotAfter: pathTime, RawSubject: dn("authority"), IsCA: true, BasicConstraintsValid: true}, nil, 3)
		mesh = append(mesh, c)
	}
	leaf := issued(t, nil)[0]
	work := &Work{}
	for range 4 {
		if err := Verify(t.Context(), leaf, Options{Certificates: mesh, Anchors: mesh, At: pathTime, Work: work}); !errors.Is(err, ErrNoPath) {
			t.Fatal(err)
		}
	}
	if work.signatures > 1 {
		t.Errorf("%d checks of one signature under one key", work.signatures)
	}
	work.signatures = MaxSignatureChecks
	chain := issued(t, nil)
	if err := Verify(t.Context(), chain[0], Options{Certificates: chain, Anchors: chain[2:], At: pathTime, Work: work}); !errors.Is(err, ErrWork) || !work.Exhausted() {
		t.Errorf("a budget that is used up: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Verify(ctx, chain[0], Options{Certificates: chain, Anchors: chain[2:], At: pathTime}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

// TestCostly: a certificate that costs too much is no part of a path.
func TestCostly(t *testing.T) {
	t.Parallel()
	chain := issued(t, nil)
	for i := range chain[:2] {
		edited := slices.Clone(chain)
		costly := *chain[i]
		costly.Signature = make([]byte, MaxSignature+1)
		edited[i] = &costly
		work := &Work{}
		err := Verify(t.Context(), edited[0], Options{Certificates: edited, Anchors: edited[2:], At: pathTime, Work: work})
		if !errors.Is(err, ErrNoPath) || work.signatures > i {
			t.Errorf("a long signature at %d: %v after %d checks", i, err, work.signatures)
		}
	}
}

func TestPossession(t *testing.T) {
	t.Parallel()
	chain := issued(t, nil)
	wrong, odd := *chain[2], *chain[2]
	wrong.Signature = slices.Clone(wrong.Signature)
	wrong.Signature[len(wrong.Signature)-1] ^= 1
	odd.SignatureAlgorithm = x509.UnknownSignatureAlgorithm
	for _, tt := range []struct {
		name string
		cert *x509.Certificate
		want Possession
		self bool
	}{
		{"self-signed", chain[2], PossessionShown, true},
		{"self-issued, another's signature", &wrong, PossessionDenied, true},
		{"issued", chain[0], PossessionDenied, false},
		{"an unknown algorithm", &odd, PossessionUnknown, true},
	} {
		got, err := PossessionOf(t.Context(), tt.cert, nil)
		if err != nil || got != tt.want || SelfIssued(tt.cert) != tt.self {
			t.Errorf("%s: %d, %v", tt.name, got, err)
		}
	}
}
