package relay

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// impatient is a next hop's side of a connection that hangs up after five minutes of silence.
type impatient struct{ net.Conn }

func (i impatient) Read(p []byte) (int, error) {
	if err := i.SetReadDeadline(time.Now().Add(5 * time.Minute)); err != nil {
		return 0, err
	}
	return i.Conn.Read(p)
}

// TestSlowClientImpatientHop has a client need ten minutes for its message, where the next hop
// waits for five.
func TestSlowClientImpatientHop(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		again    string // the next hop's answer to the second recipient when it gets that once more
		pause    time.Duration
		reply    string
		opened   int64
		accepted int
	}{
		{"in time", "", time.Second, "250 2.0.0 Ok: queued", 1, 1},
		{"still there", "", time.Minute, "250 2.0.0 Ok: queued", 1, 1},
		{"opened again", "", 10 * time.Minute, "250 2.0.0 Ok: queued", 2, 1},
		{"refused again", "550 5.1.1 gone", 10 * time.Minute, "451 4.4.2", 2, 0},
		{"deferred again", "450 4.2.0 later", 10 * time.Minute, "451 4.4.2", 2, 0},
		{"lost again", "close", 10 * time.Minute, "451 4.4.2", 2, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var opened, count atomic.Int64
			s := &scriptedHop{words: []string{"PIPELINING"}, answer: func(line string) string {
				if line == "RCPT TO:<c@example.net>" && count.Add(1) == 2 {
					return tt.again
				}
				return ""
			}}
			hop := func(c net.Conn) {
				opened.Add(1)
				s.session(impatient{c})
			}
			inBubbleTo(t, hop, Options{Limits: Limits{ReadTimeout: time.Hour}}, func(k *talk) {
				k.do("EHLO c", "250")
				k.envelope("b@example.net", "c@example.net")
				k.do("DATA", "354")
				k.write(simple)
				time.Sleep(tt.pause)
				k.write(".\r\n")
				if reply := k.reply(); !strings.HasPrefix(reply, tt.reply) {
					t.Errorf("reply = %q, want %s", reply, tt.reply)
				}
				k.do("NOOP", "250")
			})
			got := s.got()
			if len(got) != tt.accepted || opened.Load() != tt.opened {
				t.Errorf("%d messages over %d connections, want %d over %d", len(got), opened.Load(), tt.accepted, tt.opened)
			}
			if tt.accepted == 1 && len(got[0].rcpts) != 2 {
				t.Errorf("recipients = %q", got[0].rcpts)
			}
		})
	}
}
