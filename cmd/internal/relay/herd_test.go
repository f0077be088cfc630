package relay

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/cmd/internal/relay/sasl"
	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

var (
	herd     = flag.Int("devices", 500, "devices of BenchmarkHerd; the goal is for 10000")
	herdTime = flag.Duration("within", 0, "time over which the devices of BenchmarkHerd arrive; 0: all at once")
)

// doorConfig is a relay for devices, in a process of its own.
type doorConfig struct {
	Certificate, Key string // PEM
	Resolver, Anchor string
}

// childDoor serves devices that come from one address, with the limits that are the default.
func childDoor(c childConfig, l net.Listener) error {
	cert, err := tls.X509KeyPair([]byte(c.Door.Certificate), []byte(c.Door.Key))
	if err != nil {
		return err
	}
	anchors, err := dnssec.ParseAnchors(c.Door.Anchor, "herd")
	if err != nil {
		return err
	}
	client, err := lookup.New(lookup.Options{Resolvers: []string{c.Door.Resolver}, Anchors: anchors})
	if err != nil {
		return err
	}
	s, err := New(Options{
		Hostname: "relay.example.org", NextHop: c.NextHop, Crowds: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Log: slog.New(slog.DiscardHandler),
		TLS:  &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		Auth: sasl.Options{Clients: []string{"*._device.herd.example"}, Lookup: client},
	})
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// devicesOf makes n devices, and the zone with their records.
func devicesOf(tb testing.TB, n int) (certs []tls.Certificate, zone string) {
	tb.Helper()
	var text strings.Builder
	text.WriteString("$ORIGIN herd.example.\n@ 300 SOA ns h 1 3600 600 86400 60\n@ 300 NS ns\nns 300 A 127.0.0.1\n")
	for i := range n {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		name := fmt.Sprintf("s%d._device.herd.example", i)
		tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
		if err != nil {
			tb.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			tb.Fatal(err)
		}
		certs = append(certs, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf})
		fmt.Fprintf(&text, "s%d._device 300 TLSA 3 1 1 %x\n", i, sha256.Sum256(leaf.RawSubjectPublicKeyInfo))
	}
	return certs, text.String()
}

// startDoor starts the relay, its resolver and its next hop.
func startDoor(tb testing.TB, zone string) (door *child, hop *sink) {
	tb.Helper()
	dns, err := lookuptest.New([]lookuptest.Zone{{Text: zone}}, lookuptest.Options{})
	if err == nil {
		err = dns.Start("127.0.0.1:0")
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { dns.Close() })
	cert := newAuthority(tb).issue(tb, "relay.example.org")
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	hop = startSink(tb)
	return startChild(tb, "door", childConfig{NextHop: []string{hop.address()}, Door: doorConfig{
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})),
		Key:         string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		Resolver:    dns.Addr(), Anchor: dns.Anchor(),
	}}), hop
}

// handIn logs a device in and hands in a message. login is the time from the connection to the
// login's success.
func handIn(addr string, cert tls.Certificate) (login time.Duration, err error) {
	start := time.Now()
	var conn net.Conn
	if conn, err = net.Dial("tcp", addr); err != nil {
		return 0, err
	}
	defer func() { conn.Close() }()
	conn.SetDeadline(start.Add(hangGuard))
	r := bufio.NewReaderSize(conn, 512)
	do := func(line, want string) {
		if err == nil && line != "" {
			_, err = io.WriteString(conn, line+"\r\n")
		}
		for err == nil {
			var got string
			if got, err = r.ReadString('\n'); err == nil && !strings.HasPrefix(got, want) {
				err = errors.New(got)
			}
			if len(got) < 4 || got[3] == ' ' {
				return
			}
		}
	}
	do("", "220")
	do("EHLO device", "250")
	do("STARTTLS", "220")
	if err != nil {
		return 0, err
	}
	secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13})
	conn = secure
	r.Reset(conn)
	do("EHLO device", "250")
	do("AUTH EXTERNAL "+base64.StdEncoding.EncodeToString([]byte(cert.Leaf.DNSNames[0])), "235")
	login = time.Since(start)
	do("MAIL FROM:<d@example.org>", "250")
	do("RCPT TO:<b@example.net>", "250")
	do("DATA", "354")
	do(simple+".", "250")
	do("QUIT", "221")
	return login, err
}

// stampede has all devices hand in a message, over a time or at once, and returns how long each
// login took, sorted.
func stampede(tb testing.TB, addr string, certs []tls.Certificate, within time.Duration) (took []time.Duration) {
	tb.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	failed := 0
	for i, cert := range certs {
		all.Go(func() {
			time.Sleep(within * time.Duration(i) / time.Duration(len(certs)))
			login, err := handIn(addr, cert)
			mu.Lock()
			defer mu.Unlock()
			if took = append(took, login); err == nil {
				return
			}
			if failed++; failed < 4 {
				tb.Errorf("device %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if failed > 0 {
		tb.Errorf("%d of %d devices refused", failed, len(certs))
	}
	slices.Sort(took)
	return took
}

// TestHerd has more devices come at once, from one address, than one client may have connections.
// None is refused.
func TestHerd(t *testing.T) {
	t.Parallel()
	certs, zone := devicesOf(t, 200)
	door, hop := startDoor(t, zone)
	stampede(t, door.addr, certs, 0)
	if n := len(hop.got()); n != len(certs) {
		t.Errorf("%d messages of %d devices", n, len(certs))
	}
}

// BenchmarkHerd is the full hour: -devices come from one address, -within a time, log in by
// certificate and hand in a message each. A refused one is an error.
func BenchmarkHerd(b *testing.B) {
	certs, zone := devicesOf(b, *herd)
	for b.Loop() {
		b.StopTimer()
		door, _ := startDoor(b, zone)
		b.StartTimer()
		start := time.Now()
		took := stampede(b, door.addr, certs, *herdTime)
		seconds := time.Since(start).Seconds()
		b.ReportMetric(float64(len(certs))/seconds, "devices/s")
		b.ReportMetric(took[len(took)/2].Seconds(), "p50-s")
		b.ReportMetric(took[len(took)*99/100].Seconds(), "p99-s")
		b.ReportMetric(float64(door.memory("VmHWM"))/1024, "peak-MiB")
		door.kill()
	}
}
