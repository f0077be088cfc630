package relay

import (
	"strings"
	"testing"

	"dnseal/cmd/internal/relay/nexthop"
)

// TestProbe asks next hops of three kinds whether they would accept a stranger's mail for
// elsewhere.
func TestProbe(t *testing.T) {
	t.Parallel()
	refuses := func(reply string) *scriptedHop {
		return (&scriptedHop{words: []string{"XCLIENT NAME ADDR PROTO HELO"}, answer: func(line string) string {
			if strings.HasPrefix(line, "RCPT TO:<"+"dnseal-check@example.net") {
				return reply
			}
			return ""
		}}).start(t)
	}
	for _, tt := range []struct {
		name    string
		hop     *scriptedHop
		relays  bool
		foreign string
		err     string
	}{
		{"refuses", refuses("554 5.7.1 Relay access denied"), false, "554", ""},
		{"open", refuses(""), true, "250", ""},
		{"no decision", refuses("450 4.7.1 later"), false, "450", "cannot find out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			opts := Options{Inbound: true, Recipients: []string{"example.org"}, NextHop: []string{tt.hop.listener.Addr().String()}, Hop: nexthop.Options{Pass: "xclient"}}
			got, err := Probe(t.Context(), opts)
			if err != nil || len(got) != 1 {
				t.Fatalf("Probe: %v, %v", got, err)
			}
			p := got[0]
			if p.Relays != tt.relays || !strings.HasPrefix(p.Foreign, tt.foreign) || (p.Err == nil) != (tt.err == "") {
				t.Errorf("Probe = %+v, want relays %v, %s, error %q", p, tt.relays, tt.foreign, tt.err)
			}
			tt.hop.mu.Lock()
			defer tt.hop.mu.Unlock()
			if len(tt.hop.mails) != 0 {
				t.Errorf("Probe sent %d messages", len(tt.hop.mails))
			}
			if !strings.Contains(strings.Join(tt.hop.lines, "\n"), "ADDR="+"192.0.2.1") {
				t.Errorf("the next hop did not learn the address: %q", tt.hop.lines)
			}
		})
	}
}

func TestProbeUnreachable(t *testing.T) {
	t.Parallel()
	got, err := Probe(t.Context(), Options{NextHop: []string{"unix:" + t.TempDir() + "/none"}})
	if err != nil || len(got) != 1 || got[0].Err == nil {
		t.Errorf("Probe without a next hop = %+v, %v", got, err)
	}
}
