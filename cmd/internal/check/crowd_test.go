package check

import (
	"testing"

	"dnseal/cmd/internal/config"
)

func TestCrowdHint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		relay config.Relay
		want  bool
	}{
		{config.Relay{Clients: []string{"*._device.example.net"}}, true},
		{config.Relay{Clients: []string{"s1._device.example.net"}}, false},
		{config.Relay{Clients: []string{"*._device.example.net"}, Crowds: []string{"192.0.2.1"}}, false},
		{config.Relay{Clients: []string{"*._device.example.net"}, MaxPerClient: 5000}, false},
		{config.Relay{}, false},
	} {
		if got := crowdHint(&tt.relay); (got != "") != tt.want {
			t.Errorf("%v: %q", tt.relay.Clients, got)
		}
	}
}
