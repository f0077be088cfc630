//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	gomilter "github.com/d--j/go-milter"

	"dnseal/smime/message"
)

// TestNegotiate offers little and much; the answer never asks for more.
func TestNegotiate(t *testing.T) {
	t.Parallel()
	srv := serve(t, Options{Handler: always(accepting)})
	for _, offer := range [][3]uint32{
		{2, 0, 0},
		{2, 0x3f, 0x7f},
		{4, 0x3f, 0x3ff},
		{6, 0x1ff, 0x1fffff},
		{6, 0x1ff, 0x1fffff | 1<<28},
		{6, 0x1ff, 0x1fffff | 1<<29},
		{6, 1, 0},
		{6, 0x100, 1 << 20},
		{7, 0xffffffff, 0xffffffff},
	} {
		c := srv.dial(t)
		if _, err := c.Write(optneg(offer[0], offer[1], offer[2])); err != nil {
			t.Fatal(err)
		}
		got := readFrame(t, c)
		if got[0] != 'O' || len(got) < 13 {
			t.Fatalf("offer %v: answer %q", offer, got)
		}
		version, actions, protocol := binary.BigEndian.Uint32(got[1:]), binary.BigEndian.Uint32(got[5:]), binary.BigEndian.Uint32(got[9:])
		if version != min(offer[0], 6) || actions&^offer[1] != 0 || protocol&^offer[2] != 0 {
			t.Errorf("offer %#x: answer %d %#x %#x", offer, version, actions, protocol)
		}
		if protocol&(1<<28|1<<29) != 0 {
			t.Errorf("offer %#x: larger pieces were asked for", offer)
		}
		if (len(got) > 13) != (offer[1]&0x100 != 0) {
			t.Errorf("offer %#x: macros were asked for where that cannot be done, or not where it can: %q", offer, got[13:])
		}
	}
}

// TestFewerActions has an MTA that lacks what some outcomes need: those are
// deferred, all others carried out.
func TestFewerActions(t *testing.T) {
	t.Parallel()
	edits := map[string]func() *message.Outcome{
		"nothing": func() *message.Outcome { return &message.Outcome{Action: message.Accept} },
		"field":   func() *message.Outcome { return edited(message.Change{Op: message.Insert, Name: "X", Value: " x"}) },
		"removal": func() *message.Outcome {
			return edited(message.Change{Op: message.Delete, Name: "Subject", Index: 1})
		},
		"body": func() *message.Outcome {
			return &message.Outcome{Action: message.Accept, Edit: &message.Edit{Body: spool(t, []byte("x"))}}
		},
		"quarantine": func() *message.Outcome { return &message.Outcome{Action: message.Quarantine} },
		"reject":     func() *message.Outcome { return &message.Outcome{Action: message.Reject} },
	}
	srv := serve(t, Options{Handler: always(func(_ context.Context, m *message.Message, _ *message.Envelope) *message.Outcome {
		return edits[m.First("Subject")]()
	})})
	for _, test := range []struct {
		actions gomilter.OptAction
		can     string
	}{
		{0, "nothing"},
		{gomilter.OptAddHeader, "nothing field"},
		{gomilter.OptAddHeader | gomilter.OptChangeBody, "nothing field body"},
		{gomilter.OptChangeHeader | gomilter.OptQuarantine, "nothing removal quarantine"},
		{gomilter.AllClientSupportedActionMasks, "nothing field removal body quarantine"},
	} {
		for _, version := range []uint32{2, 4, 6} {
			m := srv.connect(t, gomilter.WithActions(test.actions), gomilter.WithMaximumVersion(version), gomilter.WithProtocols(0))
			for name := range edits {
				_, a := m.send(mail{raw: "Subject: " + name + "\r\n\r\nx\r\n"})
				want := "451"
				switch {
				case name == "reject":
					want = "550"
				case strings.Contains(test.can, name):
					want = "250"
				}
				if got := fmt.Sprint(a.SMTPCode); got != want {
					t.Errorf("version %d, actions %v: %s was answered %s, want %s", version, test.actions, name, got, want)
				}
			}
		}
	}
}

func edited(c message.Change) *message.Outcome {
	return &message.Outcome{Action: message.Accept, Edit: &message.Edit{Changes: []message.Change{c}}}
}

// TestSkip wants no more of a body that is too large, from an MTA that asks.
func TestSkip(t *testing.T) {
	t.Parallel()
	srv := serve(t, Options{MaxBytes: 1000, Handler: always(accepting)})
	m := srv.connect(t, gomilter.WithoutProtocol(gomilter.OptNoBodyReply))
	m.begin(mail{raw: "Subject: x\r\n\r\n"})
	for i := range 3 {
		must(m, "BodyChunk")(m.s.BodyChunk(make([]byte, 600)))
		if m.s.Skip() != (i > 0) {
			t.Errorf("after %d pieces skip = %t", i+1, m.s.Skip())
		}
	}
	if _, a, err := m.s.End(); err != nil || a.SMTPCode != 552 {
		t.Errorf("end of message: %v, %v", a, err)
	}
}
