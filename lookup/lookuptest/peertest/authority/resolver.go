//go:build unix

package authority

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// Resolver runs unbound as the validating resolver of the zones of some servers, until the test
// ends, and returns its host:port. Each zone's own key is a trust anchor of it. It knows no other
// zones, and keeps answers for their TTL as resolvers do.
func Resolver(tb testing.TB, servers ...*Server) string {
	tb.Helper()
	program := peertest.Program(tb, "unbound")
	var zones strings.Builder
	// Nothing leaves this machine: no other zone exists.
	root, err := lookuptest.New([]lookuptest.Zone{{Origin: ".", Unsigned: true}}, lookuptest.Options{})
	if err == nil {
		err = root.Start("127.0.0.1:0")
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = root.Close() })
	fmt.Fprintf(&zones, "forward-zone:\n  name: \".\"\n  forward-addr: %s\n", peertest.At(root.Addr()))
	for _, s := range servers {
		if s.sandbox != nil { // a resolver, not an authority
			fmt.Fprintf(&zones, "forward-zone:\n  name: %q\n  forward-addr: %s\n", s.Zone, peertest.At(s.Addr))
			continue
		}
		fmt.Fprintf(&zones, "stub-zone:\n  name: %q\n  stub-addr: %s\n", s.Zone, peertest.At(s.Addr))
	}
	for range 5 {
		dir, addr := tb.TempDir(), peertest.FreeAddr(tb)
		process := peertest.Run(tb, program, peertest.UnboundConf(tb, dir, addr, Anchors(servers...), "validator iterator", "", zones.String())...)
		peertest.LogWhenFailed(tb, dir+"/log")
		r := &Server{Kind: "unbound", Addr: addr, process: process, program: program, Zone: servers[0].Zone}
		if r.resolves(tb) {
			return addr
		}
	}
	tb.Fatal("unbound does not start")
	return ""
}

// resolves waits until unbound answers.
func (s *Server) resolves(tb testing.TB) bool {
	tb.Helper()
	ended := false
	peertest.WaitFor(tb, "unbound at "+s.Addr, func() bool {
		select {
		case <-s.ended():
			ended = true
		default:
		}
		in := s.Ask(s.Zone, dns.TypeSOA)
		return ended || in != nil
	})
	return !ended
}

// Anchors are the trust anchors of some servers' zones, in master-file form.
func Anchors(servers ...*Server) string {
	var b strings.Builder
	for _, s := range servers {
		b.WriteString(s.Anchor)
	}
	return b.String()
}
