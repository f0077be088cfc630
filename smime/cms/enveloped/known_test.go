package enveloped

import (
	"bufio"
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// knownAnswers are the messages in testdata/known.
func knownAnswers(tb testing.TB) map[string]struct {
	key, method string
	der         []byte
} {
	tb.Helper()
	out := map[string]struct {
		key, method string
		der         []byte
	}{}
	paths, err := filepath.Glob(filepath.Join("testdata", "known", "*.txt"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no known answers: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		r := textproto.NewReader(bufio.NewReader(bytes.NewReader(text)))
		header, err := r.ReadMIMEHeader()
		if err != nil {
			tb.Fatal(err)
		}
		der, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, r.R))
		if err != nil {
			tb.Fatal(err)
		}
		one := out[header.Get("Name")]
		one.key, one.method, one.der = header.Get("Key"), header.Get("Method"), der
		out[header.Get("Name")] = one
	}
	return out
}

// TestKnownAnswers: what another program makes of the RFCs is decrypted, and as nothing else where
// an octet is changed. Nothing hangs on some octets: the date of a key identifier, other
// recipients, the parameters of the originator's key, and whether it was the cofactor method.
func TestKnownAnswers(t *testing.T) {
	t.Parallel()
	for name, known := range knownAnswers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := Key{Private: testKey(t, known.key)}
			var out strings.Builder
			got, err := Decrypt(bytes.NewReader(known.der), &out, DecryptOptions{Keys: []Key{key}})
			if err != nil || out.String() != testContent || got.KeyEncryption != known.method {
				t.Fatalf("%q, %+v, %v", out.String(), got, err)
			}
			if known.key == "p384" || known.key == "p521" {
				return // slow, and the code is that of P-256
			}
			for at := range known.der {
				changed := bytes.Clone(known.der)
				changed[at] ^= 1 << (at % 8)
				out.Reset()
				_, err := Decrypt(bytes.NewReader(changed), &out, DecryptOptions{Keys: []Key{key}})
				if out.Len() > 0 && out.String() != testContent || err != nil && out.Len() > 0 {
					t.Errorf("octet %d changed: %q, %v", at, out.String(), err)
				}
			}
		})
	}
}

// TestKDF has values of the validation of ANSI X9.63 by NIST (CAVP, SHA-1 to SHA-512), and the two
// KDFs are told apart.
func TestKDF(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		hash         crypto.Hash
		secret, want string
	}{
		{crypto.SHA1, "1c7d7b5f0597b03d06a018466ed1a93e30ed4b04dc64ccdd", "bf71dffd8f4d99223936beb46fee8ccc"},
		{crypto.SHA256, "96c05619d56c328ab95fe84b18264b08725b85e33fd34f08", "443024c3dae66b95e6f5670601558f71"},
		{crypto.SHA384, "d8554db1b392cd55c3fe957bed76af09c13ac2a9392f88f6", "671a46aada145162f8ddf1ca586a1cda"},
		{crypto.SHA512, "87fc0d8c4477485bb574f5fcea264b30885dc8d90ad82782", "947665fbb9152153ef460238506a0245"},
	} {
		secret, err := hex.DecodeString(tt.secret)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(kdfX963(tt.hash, secret, nil, len(tt.want)/2)); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.hash, got, tt.want)
		}
		if bytes.Equal(kdf3(tt.hash, secret, nil, 16), kdfX963(tt.hash, secret, nil, 16)) {
			t.Errorf("%v: KDF3 is the KDF of X9.63", tt.hash)
		}
		long := kdfX963(tt.hash, secret, []byte("info"), 200)
		if !bytes.Equal(long[:100], kdfX963(tt.hash, secret, []byte("info"), 100)) || bytes.Equal(long[:100], long[100:]) {
			t.Errorf("%v: a longer key does not begin with the shorter one", tt.hash)
		}
	}
}
