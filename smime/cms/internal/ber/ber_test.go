package ber

import (
	"bytes"
	"slices"
	"testing"
)

// eitherWay reads the first element of ber inside of depth others, as element does and by taking it
// apart, and fails if that differs.
func eitherWay(t *testing.T, encoded []byte, depth int, size Limit) {
	t.Helper()
	read := func(element func(*Reader) ([]byte, error)) (der []byte, end int64, failed string) {
		b := NewReader(bytes.NewReader(encoded))
		defer b.Release()
		for range depth {
			if err := b.enter(Header{Tag: TagSequence, Length: int64(len(encoded))}); err != nil {
				t.Fatal(err)
			}
		}
		der, err := element(b)
		if err != nil {
			return nil, 0, err.Error() // where it is found may differ, nothing else
		}
		return der, b.offset, ""
	}
	got, gotEnd, gotErr := read(func(b *Reader) ([]byte, error) { return b.Element(size) })
	want, wantEnd, wantErr := read(func(b *Reader) ([]byte, error) { return b.appendElement(nil, size) })
	if !bytes.Equal(got, want) || gotEnd != wantEnd || gotErr != wantErr {
		t.Errorf("% x at depth %d: element is % x, %d, %q; taken apart % x, %d, %q", encoded, depth, got, gotEnd, gotErr, want, wantEnd, wantErr)
	}
}

// edgeCases are elements at the edge of a limit, and some that are not DER.
func edgeCases() [][]byte {
	nested := TLV(TagSequence, TLV(TagSet, TLV(TagContext0, TLV(TagInteger, []byte{1}), make([]byte, 0))))
	return [][]byte{
		nil,
		{TagNull},
		Null,
		nested,
		nested[:len(nested)-1],
		append(bytes.Clone(nested), 1),
		TLV(TagSequence, nested, nested, Null),
		TLV(TagSequence, []byte{0, 0}),
		TLV(TagSequence, []byte{Constructed, 0}),
		TLV(TagSequence, []byte{maskNumber, 0}),
		TLV(TagSequence, []byte{TagInteger, 0x81, 1, 7}),
		TLV(TagSequence, []byte{TagInteger, 2, 7}),
		TLV(TagOctetString|Constructed, TLV(TagOctetString, []byte("ab"))),
		{TagSequence, 0x81, 2, TagNull, 0},
		{TagSequence, 0x80, TagNull, 0, 0, 0},
		{TagSequence, 0x85, 0, 0, 0, 0, 2, TagNull, 0},
		TLV(TagOctetString, make([]byte, 126)),
		TLV(TagOctetString, make([]byte, inputBuffer-4)),
		TLV(TagOctetString, make([]byte, inputBuffer-3)),
	}
}

// TestEitherWay: it does not matter whether an element is copied or taken apart.
func TestEitherWay(t *testing.T) {
	t.Parallel()
	for _, encoded := range edgeCases() {
		for _, depth := range []int{0, MaxDepth - 4, MaxDepth - 3, MaxDepth - 2, MaxDepth - 1, MaxDepth} {
			for _, size := range []int{1, len(encoded) - 2, len(encoded) - 1, len(encoded), MaxElement, 1 << 20} {
				eitherWay(t, encoded, depth, Limit{"test", size})
			}
		}
	}
}

// TestAhead: what is recalled does not get past the end of the element around it.
func TestAhead(t *testing.T) {
	t.Parallel()
	der := TLV(TagSequence, Null)
	for room, want := range map[int64]bool{int64(len(der)) - 1: false, int64(len(der)): true} {
		b := NewReader(bytes.NewReader(append(bytes.Clone(der), der...)))
		if err := b.enter(Header{Tag: TagSequence, Length: room}); err != nil {
			t.Fatal(err)
		}
		if p := b.Ahead(LimitElement); (p != nil) != want || b.offset != 0 {
			t.Errorf("ahead in %d octets = % x", room, p)
		}
		b.Release()
	}
}

// TestElement: what is read as BER comes back as DER (X.690, Section 10).
func TestElement(t *testing.T) {
	t.Parallel()
	ab := TLV(TagOctetString, []byte("ab"))
	for name, tt := range map[string]struct{ encoded, want []byte }{
		"DER":                {TLV(TagSequence, ab), TLV(TagSequence, ab)},
		"a long length":      {[]byte{TagSequence, 0x82, 0, 2, TagNull, 0}, TLV(TagSequence, Null)},
		"indefinite lengths": {[]byte{TagSequence, 0x80, TagSet, 0x80, 0, 0, 0, 0}, TLV(TagSequence, TLV(TagSet))},
		"two segments":       {TLV(TagOctetString|Constructed, ab, ab), TLV(TagOctetString, []byte("abab"))},
		"nested segments":    {TLV(TagOctetString|Constructed, TLV(TagOctetString|Constructed, ab), ab), TLV(TagOctetString, []byte("abab"))},
	} {
		b := NewReader(bytes.NewReader(tt.encoded))
		got, err := b.Element(LimitElement)
		if err != nil || !bytes.Equal(got, tt.want) || b.Finish() != nil {
			t.Errorf("%s: Element(% x) = % x, %v, want % x", name, tt.encoded, got, err, tt.want)
		}
		b.Release()
	}
}

// TestSegmentsAreBounded: the pieces of an octet string count together, whatever form its length
// has.
func TestSegmentsAreBounded(t *testing.T) {
	t.Parallel()
	six := TLV(TagOctetString, []byte("sixsix"))
	encoded := slices.Concat([]byte{TagOctetString | Constructed, 0x80}, six, six, []byte{0, 0})
	for limit, want := range map[int]bool{13: false, 14: true} {
		b := NewReader(bytes.NewReader(encoded))
		if _, err := b.Element(Limit{"test", limit}); (err == nil) != want {
			t.Errorf("limit %d: %v", limit, err)
		}
		b.Release()
	}
}

// TestUnread: an element of which the caller leaves something is an error, and one that is skipped
// ends where it must.
func TestUnread(t *testing.T) {
	t.Parallel()
	b := NewReader(bytes.NewReader(TLV(TagSequence, Null)))
	defer b.Release()
	if err := b.Inside(TagSequence, "test", func() error { return nil }); err == nil {
		t.Error("an element is left unread")
	}
	octets := TLV(TagOctetString, make([]byte, 10))
	for end, want := range map[int64]bool{11: false, 12: true} {
		b := NewReader(bytes.NewReader(octets))
		if err := b.SkipUntil(end, Limit{"test", 1}); (err == nil) != want {
			t.Errorf("skipped until %d of 12: %v", end, err)
		}
		b.Release()
	}
}

// FuzzEitherWay: it does not matter whether DER is taken apart.
func FuzzEitherWay(f *testing.F) {
	for _, encoded := range edgeCases() {
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		for _, depth := range []int{0, MaxDepth - 5} {
			eitherWay(t, encoded, depth, LimitElement)
		}
	})
}
