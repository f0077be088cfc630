//go:build cgo && pkcs11

package pkcs11

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/pkcs11"
)

// Generate makes a pair of keys on the token of a URI, which names it by its object; where the URI
// has no id it gets one. The private key is sensitive and not extractable: it never leaves the
// token. algorithm is one of p256, p384, p521, ed25519 and rsa2048, rsa3072, rsa4096. Errors: as
// Open, but for keys that are there: whoever calls it has looked for one with Open; an algorithm
// that the token does not have.
func Generate(u URI, algorithm string, opts Options) (*Key, error) {
	if u.Object() == "" {
		return nil, withHint(fmt.Errorf("pkcs11: %s names no object for the new key", u), "add object=LABEL")
	}
	p, err := pairOf(algorithm)
	if err != nil {
		return nil, err
	}
	id := []byte(u.attrs[attrID])
	if len(id) == 0 {
		id = make([]byte, 8)
		_, _ = rand.Read(id) // never fails
		u = u.with(attrID, string(id))
	}
	return within(opts.timeout(), u, func(ctx context.Context) (*Key, error) {
		t, err := tokenFor(ctx, u, opts)
		if err != nil {
			return nil, err
		}
		err = t.with(ctx, func(c cryptoki, s session) error { return p.make(c, s, u.Object(), id) })
		if err != nil {
			return nil, fmt.Errorf("pkcs11: %s: making a key (%s): %w", t.id, algorithm, plain(err))
		}
		k, err := t.openKey(ctx, u, opts)
		if errors.Is(err, ErrNotFound) {
			err = errors.Join(errGone, err)
		}
		return k, err
	})
}

// pair is a kind of keys.
type pair struct {
	mechanism uint
	// public are attributes of the public key.
	public []*pkcs11.Attribute
}

func pairOf(algorithm string) (pair, error) {
	for _, c := range curves {
		if c.name == algorithm {
			mechanism := uint(pkcs11.CKM_EC_KEY_PAIR_GEN)
			if c.ec == nil {
				mechanism = mechanismEdwardsPair
			}
			return pair{mechanism, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, c.parameters[0])}}, nil
		}
	}
	bits, err := strconv.Atoi(strings.TrimPrefix(algorithm, "rsa"))
	if err != nil || bits < 2048 || bits > 4096 {
		return pair{}, fmt.Errorf("pkcs11: no keys of the algorithm %q are made on a token", algorithm)
	}
	return pair{pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, bits),
		pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}),
	}}, nil
}

// make makes the pair, in a session of its own, which may write.
func (p pair) make(c cryptoki, s session, label string, id []byte) error {
	handle, err := c.OpenSession(s.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return err
	}
	defer func() { _ = c.CloseSession(handle) }() // what was made is on the token
	public := append([]*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		pkcs11.NewAttribute(pkcs11.CKA_ID, id),
	}, p.public...)
	private := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		pkcs11.NewAttribute(pkcs11.CKA_ID, id),
	}
	_, _, err = c.GenerateKeyPair(handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(p.mechanism, nil)}, public, private)
	return err
}
