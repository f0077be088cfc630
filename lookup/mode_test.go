package lookup

import (
	"strings"
	"testing"
	"time"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

func broken(b lookuptest.Break) func(*lookuptest.Zone) {
	return func(z *lookuptest.Zone) { z.Break = b }
}

func unsigned(z *lookuptest.Zone) { z.Unsigned = true }

func mode(m Mode) func(*Options) {
	return func(o *Options) { o.Mode, o.Probe = m, "bogus.lab" }
}

func modeZones() []lookuptest.Zone {
	return []lookuptest.Zone{
		zone("example.lab"), zone("other.lab"), zone("plain.lab", unsigned),
		zone("bogus.lab", broken(lookuptest.WrongSignature)), zone("down.lab", broken(lookuptest.Unreachable)),
	}
}

// TestADOnly believes a resolver that validates.
func TestADOnly(t *testing.T) {
	t.Parallel()
	c := startLab(t, lookuptest.Options{Validating: true}, modeZones()...).client(t, mode(ADOnly))
	for _, tt := range []struct {
		name     string
		status   dnssec.Status
		presence dane.Presence
		code     dnssec.Code
	}{
		{"sensor._device.example.lab", dnssec.Secure, dane.Present, ""},
		{"alias._device.example.lab", dnssec.Secure, dane.Present, ""},
		{"sensor._device.d.example.lab", dnssec.Secure, dane.Present, ""},
		{"no._device.example.lab", dnssec.Secure, dane.Absent, ""},
		{"ns.example.lab", dnssec.Secure, dane.Absent, ""},
		{"sensor._device.plain.lab", dnssec.Insecure, dane.Present, "no-ad"},
		{"no._device.plain.lab", dnssec.Insecure, dane.Absent, "no-ad"},
		{"sensor._device.bogus.lab", dnssec.Bogus, dane.Unknown, "bogus"},
		{"no._device.bogus.lab", dnssec.Bogus, dane.Unknown, "bogus"},
		{"sensor._device.down.lab", dnssec.Indeterminate, dane.Unknown, "servfail"},
	} {
		r := c.Lookup(t.Context(), tt.name, dane.TLSA)
		if r.Status != tt.status || r.Presence != tt.presence || r.Code != tt.code {
			t.Errorf("Lookup(%s) = %s, presence %d, code %q (%s), want %s, %d, %q", tt.name, r.Status, r.Presence, r.Code, r.Reason, tt.status, tt.presence, tt.code)
		}
		if (r.Status == dnssec.Secure || r.Status == dnssec.Insecure) && r.TTL <= 0 {
			t.Errorf("Lookup(%s): TTL %s", tt.name, r.TTL)
		}
	}
}

// TestADOnlyRefuses does not start on a resolver that is not worth believing.
func TestADOnlyRefuses(t *testing.T) {
	t.Parallel()
	validating := startLab(t, lookuptest.Options{Validating: true}, modeZones()...)
	trusting := startLab(t, lookuptest.Options{}, modeZones()...)
	for _, tt := range []struct {
		name string
		opts Options
		want string
	}{
		{"does not validate", Options{Resolvers: []string{trusting.Addr()}}, "does not say AD"},
		{"second one does not validate", Options{Resolvers: []string{validating.Addr(), trusting.Addr()}}, "does not say AD"},
		{"far away", Options{Resolvers: []string{"192.0.2.1:53"}}, "neither on this machine nor"},
		{"no such name", Options{Resolvers: []string{validating.Addr()}, Probe: "nowhere"}, "does not know nowhere"},
		{"no name", Options{Resolvers: []string{validating.Addr()}, Probe: "no name..lab"}, "the probe must be a domain"},
		{"the root", Options{Resolvers: []string{validating.Addr()}, Probe: "."}, "the probe must be a domain"},
		{"a name in other letters", Options{Resolvers: []string{validating.Addr()}, Probe: "bücher"}, "does not know xn--bcher-kva"},
		{"the name is not bogus", Options{Resolvers: []string{validating.Addr()}, Probe: "example.lab"}, "answers for example.lab"},
		{"the name cannot be reached", Options{Resolvers: []string{validating.Addr()}, Probe: "down.lab"}, "cannot reach down.lab"},
		{"is not there", Options{Resolvers: []string{"127.0.0.1:1"}}, "refused"},
	} {
		tt.opts.Mode, tt.opts.Timeout = ADOnly, 30*time.Second
		if tt.opts.Probe == "" {
			tt.opts.Probe = "bogus.lab"
		}
		c, err := New(tt.opts)
		if err == nil {
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: New() error = %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestBoth needs both opinions.
func TestBoth(t *testing.T) {
	t.Parallel()
	agrees := startLab(t, lookuptest.Options{Validating: true}, modeZones()...).client(t, mode(Both))
	silent := startLab(t, lookuptest.Options{}, modeZones()...).client(t, mode(Both))
	for _, tt := range []struct {
		client *Client
		name   string
		status dnssec.Status
		code   dnssec.Code
	}{
		{agrees, "sensor._device.example.lab", dnssec.Secure, ""},
		{agrees, "away._device.example.lab", dnssec.Secure, ""},
		{agrees, "no._device.example.lab", dnssec.Secure, ""},
		{agrees, "sensor._device.plain.lab", dnssec.Insecure, "unsigned-delegation"},
		{agrees, "sensor._device.bogus.lab", dnssec.Bogus, "bad-signature"},
		{silent, "sensor._device.example.lab", dnssec.Indeterminate, chain.CodeDisagree},
		{silent, "no._device.example.lab", dnssec.Indeterminate, chain.CodeDisagree},
		{silent, "sensor._device.plain.lab", dnssec.Insecure, "unsigned-delegation"},
		{silent, "sensor._device.bogus.lab", dnssec.Bogus, "bad-signature"},
	} {
		r := tt.client.Lookup(t.Context(), tt.name, dane.TLSA)
		if r.Status != tt.status || r.Code != tt.code {
			t.Errorf("Lookup(%s) = %s %q (%s), want %s %q", tt.name, r.Status, r.Code, r.Reason, tt.status, tt.code)
		}
		if r.Code == chain.CodeDisagree && (r.Presence != dane.Unknown || len(r.Records) > 0) {
			t.Errorf("Lookup(%s): %d records although the resolver disagrees", tt.name, len(r.Records))
		}
	}
}

func TestNewErrors(t *testing.T) {
	t.Parallel()
	for _, opts := range []Options{
		{Mode: "trust", Resolvers: []string{"127.0.0.1"}},
		{Resolvers: []string{"127.0.0.1#name"}},
		{Resolvers: []string{""}},
		{Resolvers: []string{"127.0.0.1"}, Deny: []string{""}},
		{Resolvers: []string{"127.0.0.1"}, Allow: []string{"xn--a"}},
	} {
		if c, err := New(opts); err == nil {
			c.Close()
			t.Errorf("New(%+v): no error", opts)
		}
	}
}
