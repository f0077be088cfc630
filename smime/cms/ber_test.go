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
)

// drawDER makes any element: DER, at most so deep.
func drawDER(t *rapid.T, depth int) []byte {
	if depth == 0 || rapid.Bool().Draw(t, "primitive") {
		tag := rapid.SampledFrom([]byte{tagInteger, tagOctetString, tagOID, tagNull, tagImplicitOctet, tagUTCTime, tagBitString}).Draw(t, "tag")
		return tlv(tag, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "contents"))
	}
	tag := rapid.SampledFrom([]byte{tagSequence, tagSet, tagContext0, tagContext3}).Draw(t, "tag")
	var children [][]byte
	for range rapid.IntRange(0, 4).Draw(t, "children") {
		children = append(children, drawDER(t, depth-1))
	}
	return tlv(tag, children...)
}

// drawBER writes an element of DER in any of the ways that BER has for it: lengths longer than
// needed or indefinite, octet strings in pieces.
func drawBER(t *rapid.T, der []byte) []byte {
	length, body, ok := cutHeader(der, der[0])
	if !ok || int64(len(body)) != length {
		t.Fatalf("not DER: % x", der)
	}
	switch {
	case der[0] == tagOctetString && rapid.Bool().Draw(t, "in pieces"):
		return drawConstructed(t, tagOctetString|bitConstructed, drawPieces(t, body, 3))
	case der[0]&bitConstructed != 0:
		var out []byte
		for len(body) > 0 {
			n, rest, _ := cutHeader(body, body[0])
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
		return appendHeader(nil, tag, int64(length))
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
		piece := append(drawHeader(t, tagOctetString, n), p[:n]...)
		if depth > 0 && rapid.Bool().Draw(t, "nested") {
			piece = drawConstructed(t, tagOctetString|bitConstructed, drawPieces(t, p[:n], depth-1))
		}
		out, p = append(out, piece...), p[n:]
	}
	return out
}

func readElement(ber []byte, size limit) ([]byte, error) {
	b := newBERReader(bytes.NewReader(ber))
	defer b.release()
	der, err := b.element(size)
	if err != nil {
		return nil, err
	}
	return der, b.finish()
}

// TestElement: DER comes back octet for octet, and whatever was written as BER comes back as the
// DER it stands for.
func TestElement(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		der := drawDER(t, 4)
		for _, ber := range [][]byte{der, drawBER(t, der)} {
			got, err := readElement(ber, limit{"test", 1 << 20})
			if err != nil || !bytes.Equal(got, der) {
				t.Fatalf("element(% x) = % x, %v, want % x", ber, got, err, der)
			}
		}
	})
}

// eitherWay reads the first element of ber inside of depth others, as element does and by taking it
// apart, and fails if that differs.
func eitherWay(t *testing.T, ber []byte, depth int, size limit) {
	t.Helper()
	read := func(element func(*berReader) ([]byte, error)) (der []byte, end int64, failed string) {
		b := newBERReader(bytes.NewReader(ber))
		defer b.release()
		for range depth {
			if err := b.enter(header{tag: tagSequence, length: int64(len(ber))}); err != nil {
				t.Fatal(err)
			}
		}
		der, err := element(b)
		if err != nil {
			return nil, 0, err.Error() // where it is found may differ, nothing else
		}
		return der, b.offset, ""
	}
	got, gotEnd, gotErr := read(func(b *berReader) ([]byte, error) { return b.element(size) })
	want, wantEnd, wantErr := read(func(b *berReader) ([]byte, error) { return b.appendElement(nil, size) })
	if !bytes.Equal(got, want) || gotEnd != wantEnd || gotErr != wantErr {
		t.Errorf("% x at depth %d: element is % x, %d, %q; taken apart % x, %d, %q", ber, depth, got, gotEnd, gotErr, want, wantEnd, wantErr)
	}
}

// TestEitherWay: elements at the edge of a limit, and some that are no DER.
func TestEitherWay(t *testing.T) {
	t.Parallel()
	nested := tlv(tagSequence, tlv(tagSet, tlv(tagContext0, tlv(tagInteger, []byte{1}), make([]byte, 0))))
	for _, ber := range [][]byte{
		nil,
		{tagNull},
		derNull,
		nested,
		nested[:len(nested)-1],
		append(bytes.Clone(nested), 1),
		tlv(tagSequence, nested, nested, derNull),
		tlv(tagSequence, []byte{0, 0}),
		tlv(tagSequence, []byte{bitConstructed, 0}),
		tlv(tagSequence, []byte{maskNumber, 0}),
		tlv(tagSequence, []byte{tagInteger, 0x81, 1, 7}),
		tlv(tagSequence, []byte{tagInteger, 2, 7}),
		tlv(tagOctetString|bitConstructed, tlv(tagOctetString, []byte("ab"))),
		{tagSequence, 0x81, 2, tagNull, 0},
		{tagSequence, 0x80, tagNull, 0, 0, 0},
		{tagSequence, 0x85, 0, 0, 0, 0, 2, tagNull, 0},
		tlv(tagOctetString, make([]byte, 126)),
		tlv(tagOctetString, make([]byte, inputBuffer-4)),
		tlv(tagOctetString, make([]byte, inputBuffer-3)),
	} {
		for _, depth := range []int{0, MaxDepth - 4, MaxDepth - 3, MaxDepth - 2, MaxDepth - 1, MaxDepth} {
			for _, size := range []int{1, len(ber) - 2, len(ber) - 1, len(ber), maxSmall, 1 << 20} {
				eitherWay(t, ber, depth, limit{"test", size})
			}
		}
	}
}

// TestAhead: what is recalled does not get past the end of the element around it.
func TestAhead(t *testing.T) {
	t.Parallel()
	der := tlv(tagSequence, derNull)
	for room, want := range map[int64]bool{int64(len(der)) - 1: false, int64(len(der)): true} {
		b := newBERReader(bytes.NewReader(append(bytes.Clone(der), der...)))
		if err := b.enter(header{tag: tagSequence, length: room}); err != nil {
			t.Fatal(err)
		}
		if p := b.ahead(limitSmall); (p != nil) != want || b.offset != 0 {
			t.Errorf("ahead in %d octets = % x", room, p)
		}
		b.release()
	}
}

// TestBERForms: a signature holds however the SignedData is encoded, but for what was signed
// itself.
func TestBERForms(t *testing.T) {
	t.Parallel()
	messages := messagesOfAllKinds(t)
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SampledFrom(messages).Draw(t, "message")
		ber := drawBER(t, m.der)
		if got := judge(ber, m.detached); got != "pass" {
			t.Fatalf("%s as % x is %q", m.name, ber, got)
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
		indefinite := append(append([]byte{tagSequence, 0x80}, contents(t, m.der)...), 0, 0)
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
	for _, tt := range []struct{ name, ber string }{
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
		if _, err := readElement([]byte(tt.ber), limit{"test", 1 << 10}); !errors.As(err, &syntax) {
			t.Errorf("%s: element(% x) = %v, want a SyntaxError", tt.name, tt.ber, err)
		}
		if _, err := Read(strings.NewReader(tt.ber), nil); !errors.As(err, &syntax) {
			t.Errorf("%s: Read(% x) = %v, want a SyntaxError", tt.name, tt.ber, err)
		}
	}
}
