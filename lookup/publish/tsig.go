package publish

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// fudge is how far the clocks may differ (RFC 8945, Section 10: 300 seconds).
const fudge = 300

// sign packs a message with a TSIG (RFC 8945, Section 5.1); mac is what the reply is bound to.
func (k *Key) sign(m *dns.Msg, now time.Time) (wire []byte, mac string, err error) {
	m.SetTsig(k.Name, algorithms[k.Algorithm], fudge, now.Unix())
	return dns.TsigGenerate(m, k.secret, "", false)
}

// mac is the authentication code of data (RFC 8945, Section 6).
func (k *Key) mac(data []byte) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(k.secret)
	if err != nil {
		return nil, dns.ErrSecret
	}
	sums := map[string]func() hash.Hash{"hmac-sha256": sha256.New, "hmac-sha384": sha512.New384, "hmac-sha512": sha512.New}
	h := hmac.New(sums[k.Algorithm], raw)
	h.Write(data)
	return h.Sum(nil), nil
}

var (
	errOtherKey = errors.New("it is signed by another key")
	errTime     = errors.New("it was signed at another time")
)

// verify checks the signature of a packed reply (RFC 8945, Section 5.3): by this key, whole, over
// the code of the request too, and made now. The error of a reply about the time is not looked at
// (RFC 8945, Section 5.2.3: it repeats the client's time).
func (k *Key) verify(wire []byte, t *dns.TSIG, requestMAC string, now time.Time) error {
	if dns.CanonicalName(t.Hdr.Name) != k.Name || dns.CanonicalName(t.Algorithm) != algorithms[k.Algorithm] {
		return errOtherKey
	}
	// The library looks at no reply whose RCODE is NOTAUTH, and shortens what it is given.
	copied := slices.Clone(wire)
	copied[3] &^= 0x0f
	err := dns.TsigVerifyWithProvider(copied, &verifier{k, wire[3] & 0x0f, 2 + len(requestMAC)/2}, requestMAC, false)
	if err != nil && !errors.Is(err, dns.ErrTime) { // it has another clock than Options.Now
		return err
	}
	signed := time.Unix(int64(t.TimeSigned), 0) // 48 bits
	if t.Error != dns.RcodeBadTime && signed.Sub(now).Abs() > fudge*time.Second {
		return errTime
	}
	return nil
}

// verifier puts the RCODE back into the data that the library hands to it. It implements
// dns.TsigProvider.
type verifier struct {
	key   *Key
	rcode byte
	at    int // where the message begins
}

// Generate implements dns.TsigProvider.
func (v *verifier) Generate([]byte, *dns.TSIG) ([]byte, error) { return nil, dns.ErrSecret }

// Verify implements dns.TsigProvider.
func (v *verifier) Verify(data []byte, t *dns.TSIG) error {
	if len(data) < v.at+12 {
		return dns.ErrSig
	}
	data[v.at+3] |= v.rcode
	want, err := v.key.mac(data)
	if err != nil {
		return err
	}
	// RFC 8945, Section 5.2.2.1 lets codes be cut off; nobody does, and here it is an error.
	got, err := hex.DecodeString(t.MAC)
	if err != nil || !hmac.Equal(want, got) {
		return dns.ErrSig
	}
	return nil
}
