package cms

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"dnseal/smime/cms/internal/ber"
)

// drawDER makes any element: DER, at most so deep.
func drawDER(t *rapid.T, depth int) []byte {
	if depth == 0 || rapid.Bool().Draw(t, "primitive") {
		tag := rapid.SampledFrom([]byte{ber.TagInteger, ber.TagOctetString, ber.TagOID, ber.TagNull, ber.TagImplicitOctet, ber.TagUTCTime, ber.TagBitString}).Draw(t, "tag")
		return ber.TLV(tag, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "contents"))
	}
	tag := rapid.SampledFrom([]byte{ber.TagSequence, ber.TagSet, ber.TagContext0, ber.TagContext3}).Draw(t, "tag")
	var children [][]byte
	for range rapid.IntRange(0, 4).Draw(t, "children") {
		children = append(children, drawDER(t, depth-1))
	}
	return ber.TLV(tag, children...)
}

// drawBER writes an element of DER in any of the ways that BER has for it: lengths longer than
// needed or indefinite, octet strings in pieces.
func drawBER(t *rapid.T, der []byte) []byte {
	length, body, ok := ber.CutHeader(der, der[0])
	if !ok || int64(len(body)) != length {
		t.Fatalf("not DER: % x", der)
	}
	switch {
	case der[0] == ber.TagOctetString && rapid.Bool().Draw(t, "in pieces"):
		return drawConstructed(t, ber.TagOctetString|ber.Constructed, drawPieces(t, body, 3))
	case der[0]&ber.Constructed != 0:
		var out []byte
		for len(body) > 0 {
			n, rest, _ := ber.CutHeader(body, body[0])
			size := len(body) - len(rest) + int(n)
			out = append(out, drawBER(t, body[:size])...)
			body = body[size:]
		}
		return drawConstructed(t, der[0], out)
	}
	return append(drawHeader(t, der[0], len(body)), body...)
}

func drawConstructed(t *rapid.T, tag byte, body []byte) []byte {
	if rapid.Bool().Draw(t, "indefinite") {
		return append(append([]byte{tag, 0x80}, body...), 0, 0)
	}
	return append(drawHeader(t, tag, len(body)), body...)
}

func drawHeader(t *rapid.T, tag byte, length int) []byte {
	octets := rapid.IntRange(0, 8).Draw(t, "length octets")
	if octets < 4 {
		return ber.AppendHeader(nil, tag, int64(length))
	}
	out := []byte{tag, 0x80 | byte(octets)}
	for i := octets - 1; i >= 0; i-- {
		out = append(out, byte(uint64(length)>>(8*i)))
	}
	return out
}

func drawPieces(t *rapid.T, p []byte, depth int) (out []byte) {
	for len(p) > 0 {
		n := rapid.IntRange(1, len(p)).Draw(t, "piece")
		piece := append(drawHeader(t, ber.TagOctetString, n), p[:n]...)
		if depth > 0 && rapid.Bool().Draw(t, "nested") {
			piece = drawConstructed(t, ber.TagOctetString|ber.Constructed, drawPieces(t, p[:n], depth-1))
		}
		out, p = append(out, piece...), p[n:]
	}
	return out
}

func readElement(encoded []byte, size ber.Limit) ([]byte, error) {
	b := ber.NewReader(bytes.NewReader(encoded))
	defer b.Release()
	der, err := b.Element(size)
	if err != nil {
		return nil, err
	}
	return der, b.Finish()
}

// TestElement: DER comes back octet for octet, and whatever was written as BER comes back as the
// DER it stands for.
func TestElement(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		der := drawDER(t, 4)
		for _, encoded := range [][]byte{der, drawBER(t, der)} {
			got, err := readElement(encoded, ber.Limit{What: "test", Max: 1 << 20})
			if err != nil || !bytes.Equal(got, der) {
				t.Fatalf("element(% x) = % x, %v, want % x", encoded, got, err, der)
			}
		}
	})
}

// TestBERForms: a signature holds however the SignedData is encoded, but for what was signed
// itself.
func TestBERForms(t *testing.T) {
	t.Parallel()
	messages := messagesOfAllKinds(t)
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SampledFrom(messages).Draw(t, "message")
		encoded := drawBER(t, m.der)
		if got := verdictOf(encoded, m.detached); got != "pass" {
			t.Fatalf("%s as % x is %q", m.name, encoded, got)
		}
	})
}

// madeMessage is a right message.
type madeMessage struct {
	name     string
	der      []byte
	detached *string
}

// messagesOfAllKinds are detached and attached ones by every kind of key.
func messagesOfAllKinds(tb testing.TB) (out []madeMessage) {
	tb.Helper()
	content := testContent
	for _, id := range identities {
		s := id.signer(tb)
		opts := SignOptions{Signers: []Signer{s}, Certificates: []*x509.Certificate{s.Certificate}, Time: testTime}
		var attached bytes.Buffer
		if err := SignAttached(&attached, strings.NewReader(testContent), int64(len(testContent)), opts); err != nil {
			tb.Fatal(err)
		}
		out = append(out, madeMessage{id.key + " detached", sign(tb, opts), &content}, madeMessage{id.key + " attached", attached.Bytes(), nil})
	}
	return out
}

// TestTruncated: whatever is cut off anywhere is malformed, whether the input ends there or tells
// an error.
func TestTruncated(t *testing.T) {
	t.Parallel()
	trouble := errors.New("trouble")
	for _, m := range messagesOfAllKinds(t)[:2] {
		indefinite := append(append([]byte{ber.TagSequence, 0x80}, contents(t, m.der)...), 0, 0)
		for _, message := range [][]byte{m.der, indefinite} {
			for n := range message {
				var syntax *SyntaxError
				if _, err := Read(bytes.NewReader(message[:n]), nil); !errors.As(err, &syntax) {
					t.Fatalf("%s: Read of %d of %d octets = %v, want a SyntaxError", m.name, n, len(message), err)
				}
				broken := io.MultiReader(bytes.NewReader(message[:n]), iotest.ErrReader(trouble))
				if _, err := Read(broken, nil); !errors.Is(err, trouble) {
					t.Fatalf("%s: Read of %d octets and an error = %v", m.name, n, err)
				}
			}
			// However small the pieces in which it comes, it is the same.
			sd, err := Read(iotest.OneByteReader(bytes.NewReader(message)), nil)
			if err != nil || len(sd.Signers) != 1 {
				t.Errorf("%s: Read octet by octet = %v", m.name, err)
			}
		}
	}
}

// TestMalformed: headers that no SignedData has.
func TestMalformed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, encoded string }{
		{"empty", ""},
		{"one octet", "\x30"},
		{"high tag number", "\x3f\x21\x00"},
		{"end-of-contents first", "\x00\x00"},
		{"primitive of indefinite length", "\x04\x80\x00\x00"},
		{"length of 9 octets", "\x30\x89\x00\x00\x00\x00\x00\x00\x00\x00\x01"},
		{"length of 64 bits", "\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff"},
		{"length of 63 bits", "\x30\x88\x7f\xff\xff\xff\xff\xff\xff\xff\x06"},
		{"child larger than its parent", "\x30\x03\x30\x05\x00\x00\x00\x00\x00"},
		{"child of indefinite length larger than its parent", "\x30\x04\x30\x80\x02\x00\x00\x00"},
		{"end-of-contents outside the parent", "\x30\x03\x30\x80\x00\x00"},
		{"half an end-of-contents", "\x30\x80\x00\x01"},
		{"octet string with an integer in it", "\x24\x03\x02\x01\x01"},
	} {
		var syntax *SyntaxError
		if _, err := readElement([]byte(tt.encoded), ber.Limit{What: "test", Max: 1 << 10}); !errors.As(err, &syntax) {
			t.Errorf("%s: element(% x) = %v, want a SyntaxError", tt.name, tt.encoded, err)
		}
		if _, err := Read(strings.NewReader(tt.encoded), nil); !errors.As(err, &syntax) {
			t.Errorf("%s: Read(% x) = %v, want a SyntaxError", tt.name, tt.encoded, err)
		}
	}
}
