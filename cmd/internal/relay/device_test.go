package relay

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dnseal/cmd/internal/relay/sasl"
	"dnseal/sender/identity"

	"dnseal/lookup/lookuptest/peertest"
)

const (
	deviceName = "sensor7._device.example.net"
	otherName  = "sensor8._device.example.net"
)

// zoneServer is Knot, which signs, and unbound before it, which validates: what an operator has.
type zoneServer struct {
	t       *testing.T
	dir     string
	unbound string // address
	anchors string // DS records
}

const knotConf = `server:
  rundir: %[1]s/run
  listen: %[2]s
log:
  - target: %[1]s/log
    any: info
database:
  storage: %[1]s/db
policy:
  - id: one
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: %[1]s
    semantic-checks: off
    dnssec-signing: on
    dnssec-policy: one
    zonefile-sync: -1
    journal-content: all
    zonefile-load: difference-no-serial
zone:
  - domain: example.net
    file: example.net.zone
  - domain: bogus.example
    file: bogus.example.zone
`

const unboundZones = `stub-zone:
  name: example.net
  stub-addr: %[1]s
stub-zone:
  name: bogus.example
  stub-addr: %[1]s
stub-zone:
  name: silent.example
  stub-addr: %[2]s
`

func startZoneServer(t *testing.T, records ...string) *zoneServer {
	t.Helper()
	knot, unbound, keymgr := peertest.Program(t, "knotd"), peertest.Program(t, "unbound"), peertest.Program(t, "keymgr")
	z := &zoneServer{t: t, dir: peertest.ShortDir(t), unbound: peertest.FreeAddr(t)}
	knotAddr := peertest.FreeAddr(t)
	// no one reads from it
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	const soa = "@ 5 SOA ns hostmaster 1 3600 600 86400 1\n@ 5 NS ns\nns 5 A 127.0.0.1\n"
	mustWrite(t, z.dir+"/example.net.zone", soa+strings.Join(records, "\n")+"\n")
	mustWrite(t, z.dir+"/bogus.example.zone", soa+"sensor9._device 1 TLSA 3 1 1 "+strings.Repeat("00", 32)+"\n")
	for _, d := range []string{"run", "db"} {
		mustWrite(t, z.dir+"/"+d+"/.keep", "")
	}
	mustWrite(t, z.dir+"/knot.conf", fmt.Sprintf(knotConf, z.dir, peertest.At(knotAddr)))
	runProgram(t, knot, "-c", z.dir+"/knot.conf")
	peertest.WaitListening(t, knotAddr)
	peertest.WaitFor(t, "Knot's signatures", func() bool {
		out, err := z.control("zone-read", "example.net", "@", "DNSKEY").CombinedOutput()
		return err == nil && strings.Contains(string(out), "DNSKEY")
	})
	ds := mustRun(t, keymgr, "-c", z.dir+"/knot.conf", "example.net.", "ds")
	// No key of bogus.example matches this one.
	wrong := fmt.Sprintf(" DS 1 13 2 %s\n", strings.Repeat("ab", 32))
	z.anchors = onlySHA256(ds) + "bogus.example." + wrong + "silent.example." + wrong
	runProgram(t, unbound, peertest.UnboundConf(t, z.dir, z.unbound, z.anchors, "validator iterator", "  cache-max-negative-ttl: 1\n",
		fmt.Sprintf(unboundZones, peertest.At(knotAddr), peertest.At(silent.LocalAddr().String())))...)
	peertest.WaitListening(t, z.unbound)
	return z
}

// onlySHA256 keeps the DS records of digest type 2.
func onlySHA256(ds string) string {
	var b strings.Builder
	for line := range strings.Lines(ds) {
		if f := strings.Fields(line); len(f) == 6 && f[4] == "2" {
			b.WriteString(line)
		}
	}
	return b.String()
}

// knotc controls Knot and returns its output.
func (z *zoneServer) knotc(args ...string) string {
	z.t.Helper()
	out, err := z.control(args...).CombinedOutput()
	if err != nil {
		z.t.Fatalf("knotc %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func (z *zoneServer) control(args ...string) *exec.Cmd {
	return exec.CommandContext(z.t.Context(), peertest.Program(z.t, "knotc"), append([]string{"-c", z.dir + "/knot.conf"}, args...)...)
}

// TestDevice lets a device without password log in: TLS client certificate, SASL EXTERNAL, its TLSA
// record in a zone that Knot signs and unbound resolves.
func TestDevice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	device, err := identity.Create(dir, deviceName, identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := identity.Create(dir, otherName, identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var records []string
	for _, id := range []*identity.Identity{device, other} {
		owner, typ, err := id.OwnerName()
		if err != nil {
			t.Fatal(err)
		}
		r, err := id.Record(3, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		line, err := identity.FormatRecord(owner, typ, r, time.Second, "zone")
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, line)
	}
	z := startZoneServer(t, records...)
	ca := newAuthority(t)
	auth := sasl.Options{
		Clients: []string{"*._device.example.net", "sensor9._device.bogus.example", "sensor9._device.silent.example"},
		Lookup:  validating(t, z.unbound, z.anchors), LookupTimeout: hangGuard,
	}
	patient := submission(t, ca, auth)
	auth.LookupTimeout = time.Second
	hasty := submission(t, ca, auth)
	login := func(id *identity.Identity, name string) string {
		t.Helper()
		r := patient
		if strings.HasSuffix(name, ".silent.example") {
			r = hasty
		}
		k := dial(t, r.addr)
		defer k.conn.Close()
		startTLS(k, ca.client("relay.example.org", identityCertificate(id)))
		k.write(external(name) + "\r\n")
		return k.reply()[:3]
	}
	for _, tt := range []struct {
		id         *identity.Identity
		name, want string
	}{
		{device, deviceName, "235"},
		{device, "", "235"},
		{other, deviceName, "535"},
		{device, otherName, "535"},
		{device, "sensor0._device.example.net", "535"},
		{device, "sensor9._device.bogus.example", "454"},
		{device, "sensor9._device.silent.example", "454"},
	} {
		if got := login(tt.id, tt.name); got != tt.want {
			t.Errorf("login of %s as %q = %s, want %s", tt.id.Name, tt.name, got, tt.want)
		}
	}
	z.knotc("zone-begin", "example.net")
	z.knotc("zone-unset", "example.net", deviceName+".", "TLSA")
	z.knotc("zone-commit", "example.net")
	peertest.WaitFor(t, "the removed record to count", func() bool { return login(device, deviceName) == "535" })
	if got := login(other, otherName); got != "235" {
		t.Errorf("login of the other device = %s, want 235", got)
	}
}
