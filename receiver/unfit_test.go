package receiver

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"dnseal/smime/message"
)

func TestUnfit(t *testing.T) {
	t.Parallel()
	r, err := New(Options{
		Lookup: noDNS{}, AuthservID: "mx.example.net",
		On: map[Class]message.Action{ClassTooBig: message.Reject},
	})
	if err != nil {
		t.Fatal(err)
	}
	head, err := message.Read(strings.NewReader("From: alice@example.org\r\nAuthentication-Results: mx.example.net; smime=pass\r\n\r\n"), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer head.Close()
	for _, tt := range []struct {
		why     error
		head    *message.Message
		action  message.Action
		code    Code
		result  string
		changes int
	}{
		{fmt.Errorf("milter: %w", message.ErrTooBig), head, message.Reject, "too-big", "permerror", 2},
		{message.ErrMalformed, head, message.Accept, "malformed", "permerror", 2},
		// forged results would stay
		{fmt.Errorf("milter: %w", message.ErrMalformed), nil, message.Reject, "malformed", "permerror", 0},
		{errors.New("disk full"), head, message.Defer, "internal-error", "temperror", 2},
		{errors.New("disk full"), nil, message.Defer, "internal-error", "temperror", 0},
	} {
		out := r.Unfit(tt.head, tt.why)
		changes := 0
		if out.Edit != nil {
			changes = len(out.Edit.Changes) // the forged field goes, ours comes
		}
		if out.Action != tt.action || out.Result != tt.result || changes != tt.changes || !strings.Contains(fmt.Sprint(out.Attrs), "code="+string(tt.code)) {
			t.Errorf("Unfit(%v): %v %q %v, %d changes", tt.why, out.Action, out.Result, out.Attrs, changes)
		}
	}
}
