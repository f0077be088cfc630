package smime

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// One octet more before the first boundary line or after the last, anywhere, that is no white
// space: what is signed never is all of the message.
func TestOctetBeside(t *testing.T) {
	t.Parallel()
	sig := p7s + detached(t, content, alice())
	const usual, closing = "\r\n\r\nThis is an S/MIME signed message\r\n\r\n", "--S--\r\n"
	whole := strings.Replace(head+clearPart(content, sig), "\r\n\r\n--S\r\n", usual+"--S\r\n", 1) + " \r\n\r\n"
	first := strings.Index(whole, usual) + 4
	last := strings.Index(whole, closing) + len(closing)
	random := rand.New(rand.NewPCG(1, 2))
	for _, place := range []struct{ from, to int }{{first, first + len(usual) - 4}, {last, len(whole)}} {
		for at := place.from; at <= place.to; at++ {
			for range 20 {
				c := byte(random.IntN(256))
				if c == ' ' || '\t' <= c && c <= '\r' {
					continue
				}
				changed := whole[:at] + string([]byte{c}) + whole[at:]
				if at == first+len("This is an S/MIME signed message") && c == '.' {
					continue // what dnseal writes
				}
				if r := verify(t, changed); broken(r) == "" && r.Signatures[0].Outside == "" {
					t.Errorf("with %q at %d: %s", c, at, summary(r))
				}
			}
		}
	}
}
