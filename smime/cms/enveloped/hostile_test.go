package enveloped

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
)

// TestEveryOctet: no octet of an AuthEnvelopedData can be changed so that one octet of content
// comes out. Where a key is slow, the bits of the octet take turns, and so do forms and ciphers.
func TestEveryOctet(t *testing.T) {
	t.Parallel()
	for i, kind := range kinds {
		fast := kind.key == "p256" || kind.key == "x25519" || strings.HasPrefix(kind.key, "ml-kem")
		if kind.key == "rsa3072" || kind.key == "rsa4096" {
			continue
		}
		for j, c := range []Cipher{AES128GCM, ChaCha20Poly1305} {
			if !fast && j != i%2 {
				continue
			}
			t.Run(kind.method+"/"+string(c), func(t *testing.T) {
				t.Parallel()
				p := newPerson(t, kind.key, int64(i+1))
				for k, form := range forms[:2] {
					if !fast && k != i/2%2 {
						continue
					}
					r := form.recipient(p)
					r.OAEP = kind.oaep
					der := mustEncrypt(t, "x", EncryptOptions{Recipients: []Recipient{r}, Cipher: c})
					everyOctet(t, der, p.Key, kind.key == "p256" || kind.key == "x25519")
				}
			})
		}
	}
}

func everyOctet(t *testing.T, der []byte, key Key, everyBit bool) {
	t.Helper()
	for at := range der {
		for bit := range 8 {
			if !everyBit && bit != at%8 {
				continue
			}
			changed := bytes.Clone(der)
			changed[at] ^= 1 << bit
			var out bytes.Buffer
			if got, err := Decrypt(bytes.NewReader(changed), &out, DecryptOptions{Keys: []Key{key}}); err == nil || out.Len() > 0 {
				t.Errorf("octet %d of %d, bit %d: %q, %+v, %v", at, len(der), bit, out.String(), got, err)
			} else {
				checkError(t, err)
			}
		}
	}
}

// TestTruncated: what ends early is an error, whatever the cipher, and gives no content under one
// with a tag.
func TestTruncated(t *testing.T) {
	t.Parallel()
	var keys []Key
	for _, key := range keysAtHand(t) {
		// These are slow, and the code is that of P-256.
		if curve := key.exchanger(); curve == nil || curve.Curve() != ecdh.P384() && curve.Curve() != ecdh.P521() {
			keys = append(keys, key)
		}
	}
	for i, der := range messages(t, keys) {
		for n := range der {
			var out bytes.Buffer
			_, err := Decrypt(bytes.NewReader(der[:n]), &out, DecryptOptions{Keys: keys})
			if _, ok := errors.AsType[*cms.SyntaxError](err); !ok {
				t.Errorf("message %d, %d of %d octets: %v", i, n, len(der), err)
			}
			if i >= 2*(len(keys)+1) && out.Len() > 0 {
				t.Errorf("message %d, %d of %d octets: %q came out", i, n, len(der), out.String())
			}
		}
		if _, err := Decrypt(bytes.NewReader(append(bytes.Clone(der), 0)), io.Discard, DecryptOptions{Keys: keys}); err == nil {
			t.Errorf("message %d, one octet more: no error", i)
		}
	}
}

// TestOneText: what fails after a key was found has one text, whatever it is.
func TestOneText(t *testing.T) {
	t.Parallel()
	for i, kind := range kinds {
		p := newPerson(t, kind.key, int64(i+1))
		for _, c := range ciphers {
			der := mustEncrypt(t, testContent, EncryptOptions{Recipients: []Recipient{{Certificate: p.Certificate, OAEP: kind.oaep}}, Cipher: c})
			// Of the tag the last octet, and one further in front of it. Under CBC that in front of
			// the last block, which makes the octets of the padding more than a block, and one
			// further in front, which may change nothing but the content.
			places := []int{1, 30}
			if !c.Authenticated() {
				places[0] = 17
			}
			for _, from := range places {
				changed := bytes.Clone(der)
				changed[len(der)-from] ^= 0x55
				checkFailed(t, changed, p.Key, kind.method+", "+string(c), from == places[0] || c.Authenticated())
			}
			// The encrypted key stands at the end of recipientInfos.
			oid := bytes.Index(der, []byte(algorithm.OIDData))
			changed := bytes.Clone(der)
			changed[oid-10] ^= 0x55
			checkFailed(t, changed, p.Key, kind.method+", "+string(c)+", key", kind.method != "rsa" || c.Authenticated())
		}
	}
}

// checkFailed decrypts what cannot be, where must says that this is always found.
func checkFailed(t *testing.T, der []byte, key Key, name string, must bool) {
	t.Helper()
	_, err := Decrypt(bytes.NewReader(der), io.Discard, DecryptOptions{Keys: []Key{key}})
	if err == nil && !must {
		return
	}
	if err == nil || err.Error() != ErrDecrypt.Error() {
		t.Errorf("%s: %v", name, err)
	}
}

// countingKey counts what it is asked to do.
type countingKey struct {
	crypto.Decrypter
	n *int
}

func (k countingKey) Decrypt(r io.Reader, ciphertext []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	*k.n++
	return k.Decrypter.Decrypt(r, ciphertext, opts)
}

type countingExchanger struct {
	ecdh.KeyExchanger
	n *int
}

func (k countingExchanger) ECDH(pub *ecdh.PublicKey) ([]byte, error) {
	*k.n++
	return k.KeyExchanger.ECDH(pub)
}

// TestFewOperations: a private key is not used for what does not name it or is malformed, and only
// a few times for a message that names it often.
func TestFewOperations(t *testing.T) {
	t.Parallel()
	p, stranger := newPerson(t, "rsa2048", 1), newPerson(t, "rsa3072", 2)
	n := 0
	keys := []Key{{Private: countingKey{p.Private.(*rsa.PrivateKey), &n}, Certificate: p.Certificate}}
	c, _ := newCipher(AES128GCM)
	e := newEncryption(c)
	info := func(r *Recipient) []byte {
		der, err := e.recipientInfo(r)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	other := info(&Recipient{Certificate: stranger.Certificate})
	own := info(&Recipient{Certificate: p.Certificate, OAEP: true})
	damaged := bytes.Clone(own)
	damaged[len(damaged)-1] ^= 1
	for name, tt := range map[string]struct {
		infos [][]byte
		trail []byte
		want  int
	}{
		"others only":        {slices.Repeat([][]byte{other}, 500), nil, 0},
		"others and own":     {append(slices.Repeat([][]byte{other}, 500), own), nil, 1},
		"own, often damaged": {slices.Repeat([][]byte{damaged}, 500), nil, maxTried},
		"malformed at end":   {[][]byte{own}, []byte{0}, 0},
	} {
		n = 0
		var out bytes.Buffer
		if err := e.writeAuthEnveloped(&out, strings.NewReader("x"), 1, ber.SetOf(ber.TagSet, tt.infos)); err != nil {
			t.Fatal(err)
		}
		out.Write(tt.trail)
		_, err := Decrypt(&out, io.Discard, DecryptOptions{Keys: keys})
		if n != tt.want || (err == nil) != (name == "others and own") {
			t.Errorf("%s: %d operations, %v", name, n, err)
		}
	}
}

// smallOrderPoints are the X25519 keys whose shared secrets are 0 (RFC 7748, Section 6.1), with
// those that say the same in another way.
var smallOrderPoints = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000080",
}

// TestBadPoints: an originator's key that is no right point of the curve gives ErrDecrypt, and
// never reaches the private key where it is not on the curve.
func TestBadPoints(t *testing.T) {
	t.Parallel()
	curve := elliptic.P256().Params()
	point := func(x, y byte) string {
		return fmt.Sprintf("04%064x%064x", x, y)
	}
	generator := fmt.Sprintf("04%064x%064x", curve.Gx, curve.Gy)
	compressed := fmt.Sprintf("03%064x", curve.Gx)
	tests := map[string][]string{
		"x25519": append(smallOrderPoints, "", "09", hex.EncodeToString(make([]byte, 33))),
		"p256":   {point(0, 0), point(1, 1), "00", "04", compressed, generator + "00", "", fmt.Sprintf("04%064x%064x", curve.P, curve.Gy)},
	}
	for name, points := range tests {
		p := newPerson(t, name, 1)
		n := 0
		key := Key{Private: countingExchanger{p.exchanger(), &n}, Certificate: p.Certificate}
		for _, text := range points {
			raw, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []Cipher{AES128CBC, AES128GCM} {
				_, err = Decrypt(bytes.NewReader(withOriginator(t, p, c, raw)), io.Discard, DecryptOptions{Keys: []Key{key}})
				if !errors.Is(err, ErrDecrypt) {
					t.Errorf("%s from %s: %v", name, text, err)
				}
			}
		}
		if name == "p256" && n > 0 {
			t.Errorf("%s: %d points that are not on the curve reached the private key", name, n)
		}
		// A point that is right, but the wrong one.
		right := map[string]string{"p256": generator, "x25519": "09" + strings.Repeat("00", 31)}[name]
		raw, _ := hex.DecodeString(right)
		if _, err := Decrypt(bytes.NewReader(withOriginator(t, p, AES128GCM, raw)), io.Discard, DecryptOptions{Keys: []Key{key}}); !errors.Is(err, ErrDecrypt) {
			t.Errorf("%s, another's point: %v", name, err)
		}
	}
}

// withOriginator is a message for p with this in place of the originator's key.
func withOriginator(tb testing.TB, p person, c Cipher, point []byte) []byte {
	tb.Helper()
	chosen, _ := newCipher(c)
	e := newEncryption(chosen)
	curve := p.exchanger().Curve()
	own, err := e.ephemeral(curve)
	if err != nil {
		tb.Fatal(err)
	}
	row := curveOf(curve)
	key := ber.TLV(ber.TagContext1, algorithm.Encode(row.oid, nil), ber.TLV(ber.TagBitString, []byte{0}, point))
	own.head = slices.Concat([]byte{ber.TagInteger, 1, 3}, ber.TLV(ber.TagContext0, key), algorithm.Encode(row.scheme, own.wrap))
	info, err := e.recipientInfo(&Recipient{Certificate: p.Certificate})
	if err != nil {
		tb.Fatal(err)
	}
	return e.message(tb, ber.SetOf(ber.TagSet, [][]byte{info}))
}

// message is one with these recipientInfos.
func (e *encryption) message(tb testing.TB, infos []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	write := e.writeEnveloped
	if e.mode != modeCBC {
		write = e.writeAuthEnveloped
	}
	if err := write(&out, strings.NewReader(testContent), int64(len(testContent)), infos); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// TestLimits: what is too large is refused before it takes memory.
func TestLimits(t *testing.T) {
	keys := keysAtHand(t)
	c, _ := newCipher(AES128CBC)
	e := newEncryption(c)
	own, err := e.recipientInfo(&Recipient{Certificate: keys[1].Certificate})
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := e.recipientInfo(&Recipient{Certificate: newPerson(t, "p256b", 77).Certificate})
	if err != nil {
		t.Fatal(err)
	}
	set := func(infos ...[]byte) []byte { return ber.SetOf(ber.TagSet, infos) }
	// One KeyAgreeRecipientInfo with many recipients.
	fields := contents(t, stranger)
	key := fields[len(fields)-len(lastElement(t, fields)):]
	crowd := ber.TLV(ber.TagContext1, fields[:len(fields)-len(key)], ber.TLV(ber.TagSequence, bytes.Repeat(contents(t, key), 2000)))
	claim := func(c Cipher, size int64) func() []byte {
		return func() []byte {
			chosen, _ := newCipher(c)
			large := newEncryption(chosen)
			info, err := large.recipientInfo(&Recipient{Certificate: keys[1].Certificate})
			if err != nil {
				t.Fatal(err)
			}
			oid := oidEnvelopedData
			if c.Authenticated() {
				oid = oidAuthEnvelopedData
			}
			return append(large.head(oid, 0, set(info), size, 18), make([]byte, 1<<20)...)
		}
	}
	for name, tt := range map[string]struct {
		der  func() []byte
		want string
	}{
		"10,000 RecipientInfos":   {func() []byte { return e.message(t, set(slices.Repeat([][]byte{stranger}, 10000)...)) }, "limit:recipients"},
		"10,000 of the key's own": {func() []byte { return e.message(t, set(slices.Repeat([][]byte{own}, 10000)...)) }, "limit:recipients"},
		"2,000 in one":            {func() []byte { return e.message(t, set(crowd)) }, "limit:recipients"},
		"10,000 passwords":        {func() []byte { return e.message(t, set(slices.Repeat([][]byte{{0xa3, 0}}, 10000)...)) }, "limit:recipients"},
		"one of 300 KiB": {func() []byte {
			return e.message(t, set(ber.TLV(ber.TagContext3, ber.TLV(ber.TagOctetString, make([]byte, 300<<10)))))
		}, "limit:recipient-size"},
		"many of 200 KiB": {func() []byte {
			return e.message(t, set(slices.Repeat([][]byte{ber.TLV(ber.TagContext3, ber.TLV(ber.TagOctetString, make([]byte, 200<<10)))}, 30)...))
		}, "limit:recipients-size"},
		"100 MiB over, CBC":           {claim(AES128CBC, DefaultMaxContent+100<<20), "limit:content-size"},
		"100 MiB over, GCM":           {claim(AES128GCM, DefaultMaxContent+100<<20), "limit:content-size"},
		"one over, CBC":               {claim(AES128CBC, DefaultMaxContent+17), "limit:content-size"},
		"64 MiB that never come, GCM": {claim(AES128GCM, DefaultMaxContent), "syntax"},
		"64 MiB that never come, CBC": {claim(AES128CBC, DefaultMaxContent), "syntax"},
		"nested":                      {func() []byte { return e.message(t, set(nested(ber.TagContext3, 100))) }, "limit:depth"},
	} {
		der := tt.der()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decrypt(bytes.NewReader(der), io.Discard, DecryptOptions{Keys: keys})
		runtime.ReadMemStats(&after)
		if got := kindOf(err); got != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
		if memory := after.TotalAlloc - before.TotalAlloc; memory > 16<<20 {
			t.Errorf("%s took %d octets of memory", name, memory)
		}
	}
}

func nested(tag byte, depth int) []byte {
	der := []byte{ber.TagNull, 0}
	for range depth {
		der = ber.TLV(tag, der)
	}
	return der
}

// kindOf is a word for the kind of err.
func kindOf(err error) string {
	if limit, ok := errors.AsType[*cms.LimitError](err); ok {
		return "limit:" + limit.What
	}
	if _, ok := errors.AsType[*cms.SyntaxError](err); ok {
		return "syntax"
	}
	return fmt.Sprint(err)
}

// lastElement returns the last of the elements in a row.
func lastElement(tb testing.TB, row []byte) []byte {
	tb.Helper()
	for {
		length, rest, ok := ber.CutHeader(row, row[0])
		if !ok {
			tb.Fatal("not DER")
		}
		if int64(len(rest)) == length {
			return row
		}
		row = rest[length:]
	}
}

// TestMemory: content under an authenticated cipher is held at most twice, and under CBC not at
// all. It does not run in parallel with other tests, whose memory would count.
func TestMemory(t *testing.T) {
	const size = 16 << 20
	p := newPerson(t, "p256", 1)
	to := []Recipient{{Certificate: p.Certificate}}
	for c, most := range map[Cipher]struct{ write, read uint64 }{
		AES128CBC: {256 << 10, 256 << 10}, AES128GCM: {size + 256<<10, 2*size + 512<<10}, ChaCha20Poly1305: {size + 256<<10, 2*size + 512<<10},
	} {
		content := make([]byte, size)
		var der bytes.Buffer
		der.Grow(size + 4096)
		took := allocated(func() {
			if err := Encrypt(&der, bytes.NewReader(content), size, EncryptOptions{Recipients: to, Cipher: c}); err != nil {
				t.Fatal(err)
			}
		})
		if took > most.write {
			t.Errorf("%s: writing took %d octets of memory", c, took)
		}
		for name, in := range map[string][]byte{"DER": der.Bytes(), "BER": inSegments(t, der.Bytes(), size)} {
			took = allocated(func() {
				if _, err := Decrypt(bytes.NewReader(in), io.Discard, DecryptOptions{Keys: []Key{p.Key}}); err != nil {
					t.Fatal(err)
				}
			})
			if took > most.read {
				t.Errorf("%s, %s: reading took %d octets of memory", c, name, took)
			}
		}
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// inSegments is a message with indefinite lengths, and its content in pieces of 1,000 octets.
func inSegments(tb testing.TB, der []byte, size int) []byte {
	tb.Helper()
	info := contents(tb, der)
	oid := info[:2+info[1]]
	data := contents(tb, contents(tb, info[len(oid):]))
	var fields [][]byte
	for rest := data; len(rest) > 0; rest = rest[len(fields[len(fields)-1]):] {
		length, after, ok := ber.CutHeader(rest, rest[0])
		if !ok {
			tb.Fatal("not DER")
		}
		fields = append(fields, rest[:int64(len(rest)-len(after))+length])
	}
	// The first is version, the second recipientInfos, the third has the content.
	inner := contents(tb, fields[2])
	encrypted := contents(tb, lastElement(tb, inner))
	head := inner[:len(inner)-len(lastElement(tb, inner))]
	out := make([]byte, 0, len(der)+len(der)/100)
	out = append(append(out, ber.TagSequence, 0x80), oid...)
	out = append(out, ber.TagContext0, 0x80, ber.TagSequence, 0x80)
	out = append(append(out, fields[0]...), fields[1]...)
	out = append(append(out, ber.TagSequence, 0x80), head...)
	out = append(out, ber.TagContext0, 0x80)
	for piece := range slices.Chunk(encrypted, 1000) {
		out = append(ber.AppendHeader(out, ber.TagOctetString, int64(len(piece))), piece...)
	}
	out = append(out, 0, 0, 0, 0)
	for _, field := range fields[3:] {
		out = append(out, field...)
	}
	return append(out, 0, 0, 0, 0, 0, 0)
}
