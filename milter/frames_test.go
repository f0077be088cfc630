//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
)

// frame makes one frame.
func frame(cmd byte, data string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(1+len(data)))
	return append(append(b, cmd), data...)
}

// optneg is the negotiation frame of an MTA.
func optneg(version, actions, protocol uint32) []byte {
	var data []byte
	for _, v := range []uint32{version, actions, protocol} {
		data = binary.BigEndian.AppendUint32(data, v)
	}
	return frame('O', string(data))
}

// negotiateV6 offers everything.
func negotiateV6(tb testing.TB, c net.Conn) {
	tb.Helper()
	if _, err := c.Write(optneg(6, 0x1ff, 0x1fffff)); err != nil {
		tb.Fatal(err)
	}
	if got := readFrame(tb, c); got[0] != 'O' {
		tb.Fatalf("negotiation was answered by %q", got)
	}
}

// readFrame returns the command and data of an answer.
func readFrame(tb testing.TB, c io.Reader) []byte {
	tb.Helper()
	var n uint32
	if err := binary.Read(c, binary.BigEndian, &n); err != nil {
		tb.Fatal(err)
	}
	if n == 0 || n > maxFrame {
		tb.Fatalf("answer of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c, b); err != nil {
		tb.Fatal(err)
	}
	return b
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func sameAddr(a, b netip.Addr) bool { return a == b }
