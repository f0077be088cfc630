package nexthop

import (
	"bufio"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// TestLastReply: what a next hop said before the message was whole can refuse it, and never accepts
// it.
func TestLastReply(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]int{"": 0, "250 2.0.0 ok\r\n": 0, "354 go\r\n": 0, "421 4.3.2 bye\r\n": 421, "552 5.3.4 too big\r\n": 552} {
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer theirs.Close()
			_, _ = bufio.NewReader(theirs).ReadString('\n') // DATA
			_, _ = io.WriteString(theirs, "354 go\r\n"+said)
		}()
		c := &Client{conn: ours, opts: Options{CommandTimeout: time.Minute}}
		c.wrap()
		lost := errors.New("lost")
		final, err := c.Send(1, func(io.Writer) error { return lost })
		code := 0
		if len(final) > 0 {
			code = final[0].Code
		}
		if !errors.Is(err, lost) || code != want {
			t.Errorf("%q: %v, %v, want %d", said, final, err, want)
		}
		c.Close()
		<-done
	}
}

// TestXtext: RFC 3461, Section 4.
func TestXtext(t *testing.T) {
	t.Parallel()
	if got, want := xtext("a+b=c d~\u00fc\x7f"), "a+2Bb+3Dc+20d~+C3+BC+7F"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
