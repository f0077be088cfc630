package lookup

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// matrixResolver is one resolver in one setting.
type matrixResolver struct {
	name  string
	start func(t *testing.T, l *lab) (addr string)
	// validates: it says AD where it should.
	validates bool
	// hidesBogus: it has nothing to show of some bogus zones, also with CD=1.
	hidesBogus bool
	// strips: it takes DNSSEC out of whatever it passes on.
	strips bool
	// fake: one of ours, in front of a hierarchy that validates.
	fake bool
	// misjudges: it takes these for bogus although they are right, for this reason.
	misjudges map[string]string
	// refused: modes that do not start with it, with a part of the error.
	refused map[Mode]string
}

// matrixResolvers are those of Debian, set up as administrators do, with what can be had through
// them.
func matrixResolvers() []*matrixResolver {
	noAD := map[Mode]string{ADOnly: "does not say AD"}
	return []*matrixResolver{
		{name: "unbound", start: unboundIn("validator iterator"), validates: true},
		{name: "unbound, not validating", start: unboundIn("iterator"), refused: noAD},
		{name: "named", start: namedIn("yes"), validates: true},
		{name: "named, not validating", start: namedIn("no"), refused: noAD},
		{name: "kresd", start: startKresd, validates: true},
		{name: "pdns_recursor", start: recursorIn("process"), validates: true, hidesBogus: true, misjudges: map[string]string{
			"empty wildcard": "by NSEC it does not take the wildcard for one that exists (RFC 4592, Section 2.2.3)",
		}},
		{name: "pdns_recursor, not validating", start: recursorIn("process-no-validate"), refused: noAD},
		{name: "dnsmasq", start: dnsmasqIn(""), refused: noAD},
		{name: "dnsmasq --dnssec", start: dnsmasqIn("dnssec"), validates: true, misjudges: map[string]string{
			"alias by DNAME": "it does not believe the alias that a DNAME makes, which has no signature of its own (RFC 6672, Section 5.3.1)",
		}},
		{name: "dnsmasq --proxy-dnssec, unbound", start: dnsmasqIn("proxy-dnssec"), validates: true},
		{name: "stubby, unbound", start: startStubby, validates: true},
		{name: "unbound, other root key", start: startOldKey, refused: noAD},
		{name: "pdns_recursor, off", start: recursorIn("off"), strips: true, refused: noAD},
		{name: "systemd-resolved 252, no", start: fakeOf(peertest.Resolved252No), fake: true, refused: noAD},
		{name: "systemd-resolved 252, yes", start: fakeOf(peertest.Resolved252Yes), fake: true, validates: true},
		{name: "systemd-resolved 257, no", start: fakeOf(peertest.Forwarding), fake: true, refused: noAD},
		{name: "systemd-resolved 257, yes", start: fakeOf(peertest.Resolved257), fake: true, validates: true},
		{name: "systemd-resolved, downgraded", start: fakeOf(peertest.Downgraded), fake: true, strips: true, refused: noAD},
		{name: "dnsdist, unbound", start: startDNSDist, validates: true},
	}
}

// startResolver runs a program in a folder of its own until the test ends, and waits until it
// resolves. The address is made again when the program does not come up with it.
func startResolver(t *testing.T, program string, command func(dir, addr string) []string) string {
	t.Helper()
	path := peertest.Program(t, program)
	for range 5 {
		dir, addr := t.TempDir(), peertest.FreeAddr(t)
		if program == "named" {
			addr = peertest.FreeLocalhost(t)
		}
		cmd := exec.Command(path, command(dir, addr)...)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { defer close(ended); _ = cmd.Wait() }()
		t.Cleanup(func() {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
			hung := time.AfterFunc(10*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
			<-ended
			hung.Stop()
			if t.Failed() {
				t.Logf("%s: %s", program, out.String()[max(0, out.Len()-10000):])
			}
		})
		if waitForSOA(t, addr, ended) {
			return addr
		}
	}
	t.Fatalf("%s does not answer", program)
	return ""
}

// split returns host and port.
func split(addr string) (host, port string) {
	host, port, _ = net.SplitHostPort(addr)
	return host, port
}

// anchorDS returns the DS record of the lab's root.
func anchorDS(t *testing.T, l *lab) *dns.DS {
	t.Helper()
	for line := range strings.Lines(l.Anchor()) {
		if rr, err := dns.NewRR(line); err == nil {
			if ds, ok := rr.(*dns.DS); ok {
				return ds
			}
		}
	}
	t.Fatal("the root has no DS")
	return nil
}

func unboundIn(modules string) func(t *testing.T, l *lab) string {
	return func(t *testing.T, l *lab) string {
		t.Helper()
		return startResolver(t, "unbound", func(dir, addr string) []string {
			return peertest.UnboundForwarder(t, dir, addr, l.Addr(), l.Anchor(), modules, "")
		})
	}
}

// startOldKey runs unbound with a root key that was never the lab's, as one that missed a change of
// it.
func startOldKey(t *testing.T, l *lab) string {
	t.Helper()
	other := startLab(t, lookuptest.Options{}, zone("example.lab"))
	return startResolver(t, "unbound", func(dir, addr string) []string {
		return peertest.UnboundForwarder(t, dir, addr, l.Addr(), other.Anchor(), "validator iterator", "")
	})
}

// fakeOf starts one of ours.
func fakeOf(kind peertest.Kind) func(t *testing.T, l *lab) string {
	return func(t *testing.T, l *lab) string {
		t.Helper()
		return peertest.Start(t, l.Server, kind).Addr()
	}
}

func namedIn(validation string) func(t *testing.T, l *lab) string {
	return func(t *testing.T, l *lab) string {
		t.Helper()
		return startResolver(t, "named", func(dir, addr string) []string {
			host, port := split(addr)
			up, upPort := split(l.Addr())
			ds := anchorDS(t, l)
			peertest.WriteFile(t, filepath.Join(dir, "named.conf"), fmt.Sprintf(`options {
  directory %q; pid-file "pid"; session-keyfile "session.key"; managed-keys-directory %q;
  listen-on port %s { %s; }; listen-on-v6 { none; };
  forward only; forwarders { %s port %s; };
  recursion yes; allow-query { any; }; dnssec-validation %s; servfail-ttl 0;
};
controls { };
trust-anchors { "." static-ds %d %d %d "%s"; };
`, dir, dir, port, host, up, upPort, validation, ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest))
			return []string{"-g", "-n", "1", "-c", filepath.Join(dir, "named.conf")}
		})
	}
}

func startKresd(t *testing.T, l *lab) string {
	t.Helper()
	return startResolver(t, "kresd", func(dir, addr string) []string {
		host, port := split(addr)
		peertest.WriteFile(t, filepath.Join(dir, "root.key"), l.Anchor())
		peertest.WriteFile(t, filepath.Join(dir, "config"), fmt.Sprintf(`net.listen('%s', %s, { kind = 'dns' })
trust_anchors.remove('.')
trust_anchors.add_file('root.key', true)
cache.size = 10 * MB
policy.add(policy.all(policy.FORWARD({'%s'})))
`, host, port, peertest.At(l.Addr())))
		return []string{"-n", "-c", filepath.Join(dir, "config"), dir}
	})
}

func recursorIn(dnssec string) func(t *testing.T, l *lab) string {
	return func(t *testing.T, l *lab) string {
		t.Helper()
		return startResolver(t, "pdns_recursor", func(dir, addr string) []string {
			host, port := split(addr)
			ds := anchorDS(t, l)
			peertest.WriteFile(t, filepath.Join(dir, "anchor.lua"), fmt.Sprintf("clearTA('.')\naddTA('.', '%d %d %d %s')\n", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest))
			return []string{
				"--config-dir=" + dir, "--socket-dir=" + dir, "--chroot=", "--daemon=no", "--disable-syslog=yes", "--write-pid=no", "--threads=1",
				"--local-address=" + host, "--local-port=" + port, "--hint-file=no", "--dont-query=", "--security-poll-suffix=",
				"--dnssec=" + dnssec, "--lua-config-file=" + filepath.Join(dir, "anchor.lua"), "--forward-zones-recurse=.=" + l.Addr(),
				"--packetcache-servfail-ttl=0",
			}
		})
	}
}

func dnsmasqIn(how string) func(t *testing.T, l *lab) string {
	return func(t *testing.T, l *lab) string {
		t.Helper()
		upstream := l.Addr()
		if how == "proxy-dnssec" {
			upstream = unboundIn("validator iterator")(t, l)
		}
		return startResolver(t, "dnsmasq", func(dir, addr string) []string {
			host, port := split(addr)
			peertest.WriteFile(t, filepath.Join(dir, "dnsmasq.conf"), "")
			args := []string{
				"--keep-in-foreground", "--conf-file=" + filepath.Join(dir, "dnsmasq.conf"), "--pid-file=", "--user=root", "--log-facility=-", "--no-resolv", "--no-hosts",
				"--listen-address=" + host, "--port=" + port, "--bind-interfaces", "--server=" + strings.Replace(upstream, ":", "#", 1),
			}
			if how != "" {
				args = append(args, "--"+how)
			}
			if how == "proxy-dnssec" {
				// Absences from its cache come without AD; questions with DO go
				// past it, and those of mode ad-only do not.
				args = append(args, "--cache-size=0")
			}
			if how == "dnssec" {
				ds := anchorDS(t, l)
				args = append(args, fmt.Sprintf("--trust-anchor=.,%d,%d,%d,%s", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest))
			}
			return args
		})
	}
}

// startStubby runs stubby, which asks unbound over TLS.
func startStubby(t *testing.T, l *lab) string {
	t.Helper()
	peertest.Program(t, "stubby")
	tlsAddr := peertest.FreeAddr(t)
	_, tlsPort := split(tlsAddr)
	pair, cert := serverCertificate(t)
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	startResolver(t, "unbound", func(dir, addr string) []string {
		peertest.WriteFile(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})))
		peertest.WriteFile(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
		return peertest.UnboundForwarder(t, dir, addr, l.Addr(), l.Anchor(), "validator iterator", fmt.Sprintf(
			"  interface: %s\n  tls-port: %s\n  tls-service-pem: \"%s/cert.pem\"\n  tls-service-key: \"%[3]s/key.pem\"\n", peertest.At(tlsAddr), tlsPort, dir))
	})
	return startResolver(t, "stubby", func(dir, addr string) []string {
		host, _ := split(tlsAddr)
		peertest.WriteFile(t, filepath.Join(dir, "stubby.yml"), fmt.Sprintf(`resolution_type: GETDNS_RESOLUTION_STUB
dns_transport_list:
  - GETDNS_TRANSPORT_TLS
tls_authentication: GETDNS_AUTHENTICATION_NONE
appdata_dir: "%s"
idle_timeout: 10000
timeout: 20000
tls_backoff_time: 1
listen_addresses:
  - %s
upstream_recursive_servers:
  - address_data: %s
    tls_port: %s
`, dir, peertest.At(addr), host, tlsPort))
		return []string{"-C", filepath.Join(dir, "stubby.yml")}
	})
}

// startDNSDist runs dnsdist with a cache before unbound.
func startDNSDist(t *testing.T, l *lab) string {
	t.Helper()
	peertest.Program(t, "dnsdist")
	upstream := unboundIn("validator iterator")(t, l)
	return startResolver(t, "dnsdist", func(dir, addr string) []string {
		peertest.WriteFile(t, filepath.Join(dir, "dnsdist.conf"), fmt.Sprintf(`setLocal('%s')
setACL('127.0.0.0/8')
newServer({address='%s'}):setUp()
getPool(''):setCache(newPacketCache(1000))
setSecurityPollSuffix('')
`, addr, upstream))
		return []string{"--supervised", "--disable-syslog", "-C", filepath.Join(dir, "dnsdist.conf")}
	})
}
