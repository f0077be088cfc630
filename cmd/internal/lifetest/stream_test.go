//go:build unix

package lifetest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// mailer signs with identities of a folder as they are at that moment, and verifies elsewhere: with
// the caches of a resolver and of a receiver, which keep answers as long as they may.
type mailer struct {
	keys     string
	receiver *receiver.Receiver
}

func newMailer(t *testing.T, keys string, c *lookup.Client) *mailer {
	t.Helper()
	r, err := receiver.New(receiver.Options{Lookup: c, Timeout: time.Minute})
	must(t, err)
	return &mailer{keys, r}
}

// sign returns a signed message of name.
func (m *mailer) sign(ctx context.Context, name string) ([]byte, error) {
	id, err := identity.Load(m.keys, name)
	if err != nil {
		return nil, err
	}
	msg, err := message.Read(strings.NewReader("From: "+name+"\r\nSubject: Chairs\r\n\r\nThree, please.\r\n"), message.ReadOptions{})
	if err != nil {
		return nil, err
	}
	defer msg.Close()
	edit, err := sender.SignMessage(ctx, msg, []*identity.Identity{id}, smime.SignOptions{Time: time.Now()})
	if err != nil {
		return nil, err
	}
	defer edit.Close()
	var out bytes.Buffer
	_, err = msg.WriteEdited(&out, edit)
	return out.Bytes(), err
}

// verify returns verdict, code and reason.
func (m *mailer) verify(ctx context.Context, signed []byte) (verdict receiver.Verdict, why string) {
	msg, err := message.Read(bytes.NewReader(signed), message.ReadOptions{})
	if err != nil {
		return "", err.Error()
	}
	defer msg.Close()
	report, err := m.receiver.Verify(ctx, msg)
	if err != nil {
		return "", err.Error()
	}
	return report.Verdict, fmt.Sprintf("%s: %s", report.Code, report.Reason)
}

// underWay is how long a message travels before it is verified a second time.
const underWay = time.Second

// oldFor is how long the record of an earlier key stays, at least.
const oldFor = 2 * underWay

// stream is mail without end: each message is verified when it is signed, and again after it was
// under way. It counts what does not pass.
type stream struct {
	*mailer
	slots chan struct{} // for messages under way

	mu     sync.Mutex
	passed int
	failed []string
	done   sync.WaitGroup
	cancel context.CancelFunc
}

// stream is mail of one identity, a message each tick.
func (m *mailer) stream(t *testing.T, name string, every time.Duration) *stream {
	t.Helper()
	s := &stream{mailer: m, slots: make(chan struct{}, 1000)}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.done.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				s.one(name)
			}
		}
	})
	t.Cleanup(func() { cancel(); s.done.Wait() })
	return s
}

// one message.
func (s *stream) one(name string) {
	at := time.Now()
	signed, err := s.sign(context.Background(), name)
	if err != nil {
		s.note(fmt.Sprintf("sign: %v", err))
		return
	}
	s.judge(signed, at, "at once")
	s.slots <- struct{}{}
	s.done.Go(func() {
		defer func() { <-s.slots }()
		time.Sleep(underWay) // a time, not a condition
		s.judge(signed, at, "after it was under way")
	})
}

// judge verifies what was signed at a time. A machine that was so slow that the record of an
// earlier key may be gone says nothing.
func (s *stream) judge(signed []byte, at time.Time, when string) {
	verdict, why := s.verify(context.Background(), signed)
	switch {
	case verdict == receiver.Pass:
		s.note("")
	case time.Since(at) < oldFor:
		s.note(fmt.Sprintf("%s: %s %s", when, verdict, why))
	}
}

func (s *stream) note(wrong string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wrong == "" {
		s.passed++
		return
	}
	s.failed = append(s.failed, time.Now().Format("05.000 ")+wrong)
}

// end stops it and fails the test unless every message passed, and there were so many.
func (s *stream) end(t *testing.T, messages int) {
	t.Helper()
	s.cancel()
	s.done.Wait()
	if s.passed < 2*messages || len(s.failed) > 0 {
		t.Errorf("%d passed, %d did not:\n%s", s.passed, len(s.failed), strings.Join(s.failed[:min(len(s.failed), 20)], "\n"))
	}
}
