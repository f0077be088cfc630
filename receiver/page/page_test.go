package page

import (
	"bytes"
	"strings"
	"testing"

	"dnseal/receiver"
	"dnseal/smime/message"
)

func TestWriteUnreadable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Write(t.Context(), &out, receiver.Unreadable(message.ErrMalformed), nil, Options{Up: "index.html"}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "permerror") {
		t.Errorf("no verdict in %s", out.String())
	}
}
