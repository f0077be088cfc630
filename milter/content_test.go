//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// panicking gives some bytes and panics.
type panicking struct{ io.Reader }

func (p panicking) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err != nil {
		panic("as asked")
	}
	return n, nil
}

// TestPanicInBody ends the connection: what is left of the frame must not be read as frames.
func TestPanicInBody(t *testing.T) {
	t.Parallel()
	srv, err := New(Options{Handler: always(accepting), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{srv: srv, msg: assembly{maxBytes: 1 << 20, maxHeader: 1 << 20}}
	defer s.msg.reset()
	if err := s.addBody(panicking{strings.NewReader("text")}, 10); !errors.Is(err, errPanic) {
		t.Errorf("addBody() = %v, want %v", err, errPanic)
	}
	if !s.failed {
		t.Error("the message is not deferred")
	}
}
