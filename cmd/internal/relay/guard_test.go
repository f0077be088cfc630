package relay

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/emersion/go-smtp"

	"dnseal/cmd/internal/relay/wire"
)

// TestOutOfStep checks that a session ends, without another reply, where the library replies more
// or less than the guard expects, or refuses what is to be answered with success.
func TestOutOfStep(t *testing.T) {
	t.Parallel()
	ok, refusal := wire.NewReply(250, "2.1.0", "ours"), wire.NewReply(550, "5.1.1", "ours")
	for name, tt := range map[string]struct {
		expected []wire.Reply
		library  string
		out      string
		ends     bool
	}{
		"its own words":        {[]wire.Reply{ofLibrary}, "250 2.0.0 Fine\r\n", "250 2.0.0 Fine\r\n", false},
		"ours instead":         {[]wire.Reply{ok}, "250 2.0.0 Fine\r\n", "250 2.1.0 ours\r\n", false},
		"refusal instead":      {[]wire.Reply{refusal}, "250 2.0.0 Fine\r\n", "550 5.1.1 ours\r\n", false},
		"silence":              {[]wire.Reply{silence}, "354 Go\r\n", "", false},
		"one reply too many":   {[]wire.Reply{ok}, "250 a\r\n250 b\r\n", "250 2.1.0 ours\r\n", true},
		"one reply too few":    {[]wire.Reply{ok, ok}, "250 a\r\n", "250 2.1.0 ours\r\n", true},
		"refuses what is good": {[]wire.Reply{ok}, "502 5.5.1 No\r\n", "", true},
		"refuses on its own":   {[]wire.Reply{ofLibrary}, "500 5.5.1 No\r\n", "", true},
		"refuses in silence":   {[]wire.Reply{silence}, "502 5.5.1 No\r\n", "", true},
		"no reply":             {[]wire.Reply{ofLibrary}, "hello\r\n", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, err := New(Options{NextHop: []string{"127.0.0.1:1"}, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			s := &session{srv: srv, out: bufio.NewWriter(&out), expected: tt.expected, verb: "MAIL"}
			s.lib = smtp.NewServer(nil)
			for _, b := range []byte(tt.library) { // in pieces
				guard{s}.Write([]byte{b})
			}
			if !tt.ends {
				s.feed = "NOOP\r\n"
			}
			_, err = guard{s}.Read(make([]byte, 10))
			s.out.Flush()
			if out.String() != tt.out || errors.Is(err, io.EOF) != tt.ends {
				t.Errorf("the client reads %q, then %v; want %q, end: %v", out.String(), err, tt.out, tt.ends)
			}
		})
	}
}
