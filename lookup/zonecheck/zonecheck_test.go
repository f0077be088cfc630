package zonecheck

import (
	"crypto/sha256"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest"
)

const head = `$ORIGIN example.org.
@ 300 IN SOA ns h 7 2 3 4 60
@ 300 IN NS ns
ns 300 IN A 127.0.0.1
`

// alice is the owner label of alice@example.org.
const alice = "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db"

const (
	aliceName  = alice + "._smimecert.example.org."
	sensorName = "sensor7._device.example.org."
)

// digest is the data of a record 3 1 1.
func digest(of string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(of))) }

func identities() string {
	return alice + "._smimecert 300 IN SMIMEA 3 1 1 " + digest("alice") + "\nsensor7._device 300 IN TLSA 3 1 1 " + digest("sensor") + "\n"
}

func clean(edit ...func(*lookuptest.Zone)) []lookuptest.Zone {
	z := lookuptest.Zone{Text: head + identities()}
	for _, e := range edit {
		e(&z)
	}
	return []lookuptest.Zone{z}
}

func with(records string) []lookuptest.Zone {
	return clean(func(z *lookuptest.Zone) { z.Text += records })
}

func broken(b lookuptest.Break) []lookuptest.Zone {
	return clean(func(z *lookuptest.Zone) { z.Break = b })
}

// baseline are the findings about a clean zone.
var baseline = []Code{CodeSecure, CodeServers, CodeDenial, CodeWalked, CodeTimes, CodeRecords}

// build makes what a case looks at.
type build struct{ *testing.T }

// provoked is a case: what is found more than in a clean zone, and what is not found.
type provoked struct {
	name        string
	make        func(b build) *world
	more, fewer []Code
}

func cases() []provoked {
	return slices.Concat(chainCases(), serverCases(), denialCases(), listingCases(), timeCases(), recordCases(), identityCases())
}

// all are the codes of the baseline.
func all() []Code { return baseline }

func chainCases() []provoked {
	return []provoked{
		{"clean", func(b build) *world { return newWorld(b.T, clean(), nil) }, nil, nil},
		{"no such domain", func(b build) *world {
			w := newWorld(b.T, clean(), nil)
			w.opts.Domain = "nosuch.example.org"
			return w
		}, []Code{CodeNoDomain}, all()},
		{"unsigned", func(b build) *world {
			return newWorld(b.T, clean(func(z *lookuptest.Zone) { z.Unsigned = true }), nil)
		}, []Code{CodeUnsigned}, []Code{CodeSecure, CodeDenial, CodeWalked, CodeTimes, CodeRecords}},
		{"no DS", noDS, []Code{CodeNoDS}, []Code{CodeSecure, CodeDenial, CodeWalked, CodeTimes, CodeRecords}},
		{"parent unsigned", func(b build) *world {
			return newWorld(b.T, append(clean(), lookuptest.Zone{Origin: "org", Unsigned: true, Text: "org. 300 IN TXT x\n"}), nil)
		}, []Code{CodeParentInsecure}, []Code{CodeSecure, CodeDenial, CodeWalked, CodeTimes, CodeRecords}},
		{
			"wrong DS", func(b build) *world { return newWorld(b.T, broken(lookuptest.WrongDS), nil) },
			[]Code{CodeDSMismatch, CodeDenialBogus, CodeBogus},
			[]Code{CodeSecure, CodeDenial, CodeTimes, CodeRecords},
		},
		{"a stale DS", func(b build) *world {
			return withDS(b, func(ds *dns.DS, _ *dns.DNSKEY) []dns.RR {
				stale := *ds
				stale.KeyTag++
				return []dns.RR{ds, &stale}
			})
		}, []Code{CodeDSStale}, nil},
		{"a DS of SHA-1", func(b build) *world {
			return withDS(b, func(_ *dns.DS, key *dns.DNSKEY) []dns.RR { return []dns.RR{key.ToDS(dns.SHA1)} })
		}, []Code{CodeDSSHA1}, []Code{CodeSecure, CodeDenial, CodeWalked, CodeTimes, CodeRecords}},
		{"a DS of SHA-1 too", func(b build) *world {
			return withDS(b, func(ds *dns.DS, key *dns.DNSKEY) []dns.RR { return []dns.RR{ds, key.ToDS(dns.SHA1)} })
		}, []Code{CodeDSSHA1Also}, nil},
		{
			"RSA and SHA-1", func(b build) *world { return withAlgorithm(b, dns.RSASHA1NSEC3SHA1) },
			[]Code{CodeSHA1},
			[]Code{CodeSecure, CodeDenial, CodeWalked, CodeTimes, CodeRecords},
		},
		{
			"Ed448", func(b build) *world { return withAlgorithm(b, dns.ED448) },
			[]Code{CodeUnsupported},
			[]Code{CodeSecure, CodeDenial, CodeWalked, CodeTimes, CodeRecords},
		},
		{"a short RSA key", weakKey, []Code{CodeWeakKey, CodeMixed}, nil},
		{"iterations that are not checked", func(b build) *world {
			return newWorld(b.T, append(clean(), lookuptest.Zone{Origin: "org", NSEC3: true, Iterations: 100, Text: "org. 300 IN TXT x\n"}), nil)
		}, nil, nil},
		{
			"wrong signatures", func(b build) *world { return newWorld(b.T, broken(lookuptest.WrongSignature), nil) },
			[]Code{CodeBogus, CodeDenialBogus},
			[]Code{CodeSecure, CodeDenial, CodeTimes, CodeRecords},
		},
		{
			"a zone below", func(b build) *world {
				return newWorld(b.T, with("sub 300 IN NS ns.sub\nns.sub 300 IN A 127.0.0.1\nzz 300 IN TXT x\n"), nil)
			},
			[]Code{CodeDelegated},
			nil,
		},
		{"an identity in a zone below", referred, []Code{CodeDelegated}, nil},
	}
}

// referred asks for an identity in a zone below.
func referred(b build) *world {
	const owner = "s1._device.site1.example.org."
	w := newWorld(b.T, clean(), nil, &fake{edit: atName(owner, func(_ dns.Question, out *dns.Msg) {
		out.Rcode, out.Authoritative, out.Answer = dns.RcodeSuccess, false, nil
		out.Ns = []dns.RR{rr(b.T, "site1.example.org. 300 IN NS ns.site1.example.org.")}
	})})
	w.opts.Names = []Name{{Name: "s1", Owner: owner, Type: dane.TLSA}}
	return w
}

// noDS takes the DS out of the parent zone, with proof.
func noDS(b build) *world {
	resolver := new(fake)
	resolver.edit = func(q dns.Question, out *dns.Msg) *dns.Msg {
		if q.Name == "example.org." && q.Qtype == dns.TypeDS {
			nsec := rr(b.T, "example.org. 60 IN NSEC org. NS RRSIG NSEC")
			out.Answer = nil
			out.Ns = []dns.RR{nsec, sign(b.T, resolver.up, "org.", nsec)}
		}
		return out
	}
	return newWorld(b.T, clean(), resolver)
}

// withDS changes the DS set in the parent zone.
func withDS(b build, change func(ds *dns.DS, key *dns.DNSKEY) []dns.RR) *world {
	resolver := new(fake)
	resolver.edit = func(q dns.Question, out *dns.Msg) *dns.Msg {
		if q.Name == "example.org." && q.Qtype == dns.TypeDS {
			key, _, err := resolver.up.Key("example.org.")
			if err != nil {
				b.Error(err)
				return out
			}
			set := change(key.ToDS(dns.SHA256), key)
			for _, rr := range set {
				rr.Header().Ttl = 300
			}
			resign(b.T, resolver.up, "org.", &out.Answer, set...)
		}
		return out
	}
	return newWorld(b.T, clean(), resolver)
}

// withAlgorithm has the zone signed with an algorithm that is not supported.
func withAlgorithm(b build, algorithm uint8) *world {
	key := rr(b.T, fmt.Sprintf("example.org. 300 IN DNSKEY 257 3 %d AwEAAcFmMkCoIOkmSwPvQDN9aYQ=", algorithm)).(*dns.DNSKEY)
	w := withDS(b, func(*dns.DS, *dns.DNSKEY) []dns.RR { return []dns.RR{key.ToDS(dns.SHA256)} })
	server := &fake{up: w.srv, edit: func(q dns.Question, out *dns.Msg) *dns.Msg {
		if q.Qtype == dns.TypeDNSKEY {
			out.Answer = []dns.RR{key}
		}
		return out
	}}
	w.opts.NameServers = []string{server.start(b.T)}
	return w
}

// weakKey has an RSA key of 1024 bits in addition.
func weakKey(b build) *world {
	short := &dns.DNSKEY{Hdr: dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300}, Flags: 256, Protocol: 3, Algorithm: dns.RSASHA256}
	if _, err := short.Generate(1024); err != nil {
		b.Fatal(err)
	}
	server := new(fake)
	server.edit = func(q dns.Question, out *dns.Msg) *dns.Msg {
		if q.Name == "example.org." && q.Qtype == dns.TypeDNSKEY {
			key, _, err := server.up.Key("example.org.")
			if err != nil {
				b.Error(err)
				return out
			}
			resign(b.T, server.up, "example.org.", &out.Answer, key, short)
		}
		return out
	}
	return newWorld(b.T, clean(), nil, server)
}

// second has a right name server and one that is edited.
func second(edit func(q dns.Question, out *dns.Msg) *dns.Msg) func(b build) *world {
	return func(b build) *world { return newWorld(b.T, clean(), nil, new(fake), &fake{edit: edit}) }
}

func serverCases() []provoked {
	return []provoked{
		{"two servers", second(nil), nil, nil},
		{"one server in the NS records", func(b build) *world { return byNS(b, clean()) }, []Code{CodeOneServer}, nil},
		{"a name server without address", func(b build) *world { return byNS(b, with("@ 300 IN NS nowhere\n")) }, []Code{CodeNoAddress}, []Code{CodeServers}},
		{"unreachable", func(b build) *world {
			w := newWorld(b.T, clean(), nil)
			w.opts.NameServers = append(w.opts.NameServers, closedPort(b.T))
			return w
		}, []Code{CodeUnreachable}, []Code{CodeServers}},
		{"all unreachable", func(b build) *world {
			w := newWorld(b.T, clean(), nil)
			w.opts.NameServers = []string{closedPort(b.T)}
			return w
		}, []Code{CodeUnreachable, CodeUndecided}, all()},
		{"only TCP", func(b build) *world { return newWorld(b.T, clean(), nil, new(fake), &fake{noUDP: true}) }, []Code{CodeNoUDP}, []Code{CodeServers}},
		{"only UDP", func(b build) *world { return newWorld(b.T, clean(), nil, new(fake), &fake{noTCP: true}) }, []Code{CodeNoTCP}, []Code{CodeServers}},
		{"no EDNS", second(func(_ dns.Question, out *dns.Msg) *dns.Msg {
			out.Extra = nil
			return out
		}), []Code{CodeNoEDNS}, []Code{CodeServers}},
		{"no DNSSEC", second(func(_ dns.Question, out *dns.Msg) *dns.Msg {
			out.Extra, out.Ns = nil, nil
			out.SetEdns0(udpSize, false)
			out.Answer = slices.DeleteFunc(out.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
			return out
		}), []Code{CodeNoDNSSEC, CodeDenialBogus}, []Code{CodeServers, CodeDenial}},
		{"lame", second(func(_ dns.Question, out *dns.Msg) *dns.Msg {
			out.Rcode, out.Answer, out.Ns = dns.RcodeRefused, nil, nil
			return out
		}), []Code{CodeLame}, []Code{CodeServers}},
		{"a referral", second(func(_ dns.Question, out *dns.Msg) *dns.Msg {
			out.Answer = nil
			return out
		}), []Code{CodeLame}, []Code{CodeServers}},
		{"without authority", second(func(_ dns.Question, out *dns.Msg) *dns.Msg {
			out.Authoritative = false
			return out
		}), []Code{CodeNotAuthoritative}, []Code{CodeServers}},
		{"behind", second(func(q dns.Question, out *dns.Msg) *dns.Msg {
			if q.Qtype == dns.TypeSOA {
				out.Answer[0].(*dns.SOA).Serial = 6
			}
			return out
		}), []Code{CodeBehind}, []Code{CodeServers}},
		{"different", second(func(q dns.Question, out *dns.Msg) *dns.Msg {
			if q.Qtype == dns.TypeTLSA && q.Name == sensorName {
				out.Answer[0].(*dns.TLSA).Certificate = digest("another")
			}
			return out
		}), []Code{CodeDiffers}, nil},
	}
}

// byNS asks the name servers in the NS records.
func byNS(b build, zones []lookuptest.Zone) *world {
	w := newWorld(b.T, zones, nil)
	_, w.opts.port, _ = net.SplitHostPort(w.opts.NameServers[0])
	w.opts.NameServers = nil
	return w
}

func closedPort(t *testing.T) string {
	t.Helper()
	tcp, udp := listenBoth(t)
	tcp.Close()
	udp.Close()
	return tcp.Addr().String()
}

// at edits the answers about one name.
func atName(name string, edit func(q dns.Question, out *dns.Msg)) func(q dns.Question, out *dns.Msg) *dns.Msg {
	return func(q dns.Question, out *dns.Msg) *dns.Msg {
		if q.Name == name {
			edit(q, out)
		}
		return out
	}
}

// blackLies denies types as CoreDNS's plugin "dnssec" does: the NSEC record at the name lists a
// fixed set of types.
func blackLies(b build) *world {
	server := new(fake)
	server.edit = func(q dns.Question, out *dns.Msg) *dns.Msg {
		if q.Qtype == dns.TypeA && len(out.Answer) == 0 {
			nsec := rr(b.T, q.Name+` 60 IN NSEC \000.`+q.Name+" MX TXT AAAA LOC SRV CERT SSHFP RRSIG NSEC TLSA HIP OPENPGPKEY SPF")
			soa := rr(b.T, "example.org. 60 IN SOA ns.example.org. h.example.org. 7 2 3 4 60")
			out.Rcode, out.Ns = dns.RcodeSuccess, []dns.RR{nsec, sign(b.T, server.up, "example.org.", nsec), soa, sign(b.T, server.up, "example.org.", soa)}
		}
		return out
	}
	w := newWorld(b.T, clean(func(z *lookuptest.Zone) { z.Narrow = true }), nil, server)
	w.opts.Names = []Name{{Name: "alice@example.org", Owner: aliceName, Type: dane.SMIMEA}}
	return w
}

func denialCases() []provoked {
	optOut := clean(func(z *lookuptest.Zone) { z.NSEC3, z.OptOut = true, true })
	hashed := []Code{CodeWalked, CodeTimes, CodeRecords}
	return []provoked{
		{
			"no denial", func(b build) *world { return newWorld(b.T, broken(lookuptest.MissingDenial), nil) },
			[]Code{CodeDenialBogus},
			[]Code{CodeDenial},
		},
		{
			"opt-out", func(b build) *world { return newWorld(b.T, optOut, nil) },
			[]Code{CodeOptOut, CodeHashes, CodeNothingToCheck},
			append(hashed, CodeDenial),
		},
		{"iterations and salt", func(b build) *world {
			return newWorld(b.T, clean(func(z *lookuptest.Zone) { z.NSEC3, z.Iterations, z.Salt = true, 5, "ab" }), nil)
		}, []Code{CodeIterations, CodeSalt, CodeHashes, CodeNothingToCheck}, hashed},
		{"too many iterations", func(b build) *world {
			return newWorld(b.T, clean(func(z *lookuptest.Zone) { z.NSEC3, z.Iterations = true, 100 }), nil)
		}, []Code{CodeIterations, CodeHashes, CodeNothingToCheck}, append(hashed, CodeDenial)},
		{"black lies", blackLies, []Code{CodeHidden, CodeHides}, []Code{CodeWalked}},
		{"no name above", func(b build) *world {
			return newWorld(b.T, clean(), nil, &fake{edit: atName("_device.example.org.", func(_ dns.Question, out *dns.Msg) { out.Rcode = dns.RcodeNameError })})
		}, []Code{CodeENT}, nil},
		{"no name", func(b build) *world {
			return newWorld(b.T, clean(), nil, &fake{edit: atName(sensorName, func(q dns.Question, out *dns.Msg) {
				if q.Qtype != dns.TypeTLSA && q.Qtype != dns.TypeNSEC {
					out.Rcode = dns.RcodeNameError
				}
			})})
		}, []Code{CodeNXDOMAIN}, nil},
		{"unknown type", func(b build) *world {
			return newWorld(b.T, clean(), nil, &fake{edit: atName(sensorName, func(q dns.Question, out *dns.Msg) {
				if q.Qtype == unknownType {
					out.Rcode, out.Ns = dns.RcodeNotImplemented, nil
				}
			})})
		}, []Code{CodeUnknownType}, nil},
	}
}

// leads changes where the NSEC record at a name leads.
func leads(name, to string) func(b build) *world {
	return func(b build) *world {
		return newWorld(b.T, clean(), nil, &fake{edit: func(q dns.Question, out *dns.Msg) *dns.Msg {
			if q.Qtype == dns.TypeNSEC && q.Name == name {
				out.Answer[0].(*dns.NSEC).NextDomain = to
			}
			return out
		}})
	}
}

func listingCases() []provoked {
	return []provoked{
		{"compact denial", func(b build) *world {
			w := newWorld(b.T, clean(func(z *lookuptest.Zone) { z.Narrow = true }), nil)
			w.opts.Names = []Name{{Name: "sensor7", Owner: sensorName, Type: dane.TLSA}}
			return w
		}, []Code{CodeHidden}, []Code{CodeWalked}},
		{"narrow", func(b build) *world {
			return newWorld(b.T, clean(func(z *lookuptest.Zone) { z.NSEC3, z.Narrow = true, true }), nil)
		}, []Code{CodeHidden, CodeNothingToCheck}, []Code{CodeWalked, CodeTimes, CodeRecords}},
		{"hashes", func(b build) *world {
			w := newWorld(b.T, clean(func(z *lookuptest.Zone) { z.NSEC3 = true }), nil)
			w.opts.Names = []Name{{Name: "alice@example.org", Owner: aliceName, Type: dane.SMIMEA}}
			return w
		}, []Code{CodeHashes}, []Code{CodeWalked}},
		{"a limit", func(b build) *world {
			w := newWorld(b.T, clean(), nil)
			w.opts.Walk = 2
			return w
		}, []Code{CodeWalkIncomplete}, nil},
		{"out of the zone", leads(aliceName, "victim.example.net."), []Code{CodeWalkBroken}, nil},
		{"back", leads(sensorName, "_device.example.org."), []Code{CodeWalkBroken}, nil},
		{"to itself", leads(sensorName, sensorName), []Code{CodeWalkBroken}, nil},
	}
}

func timeCases() []provoked {
	return []provoked{
		{"a short wish", func(b build) *world {
			w := newWorld(b.T, clean(), nil)
			w.opts.Revocation = 30 * time.Second
			return w
		}, []Code{CodeReplay, CodeReplayDenial, CodeTTL, CodeNegativeTTL, CodeDNSKEYTTL, CodeDSTTL}, []Code{CodeTimes}},
		{"no wish", func(b build) *world {
			w := newWorld(b.T, clean(), nil)
			w.opts.Revocation = 0
			return w
		}, []Code{CodeReplay, CodeReplayDenial}, []Code{CodeTimes}},
		{
			"expired", func(b build) *world { return newWorld(b.T, broken(lookuptest.Expired), nil) },
			[]Code{CodeExpired},
			[]Code{CodeSecure, CodeDenial, CodeTimes, CodeRecords},
		},
		{"near the end", func(b build) *world {
			return newWorld(b.T, clean(func(z *lookuptest.Zone) { z.Validity = 5 * time.Minute }), nil)
		}, []Code{CodeNearEnd}, []Code{CodeTimes}},
		{"in the future", func(b build) *world {
			return newWorldAt(b.T, func() time.Time { return time.Now().Add(time.Hour + 3*time.Minute) }, clean(), nil)
		}, []Code{CodeFuture}, []Code{CodeTimes}},
		{"the clock", func(b build) *world {
			return newWorldAt(b.T, func() time.Time { return time.Now().Add(-90 * day) }, clean(), nil)
		}, []Code{CodeClock}, []Code{CodeSecure, CodeDenial, CodeWalked, CodeTimes, CodeRecords}},
	}
}

func recordCases() []provoked {
	many := strings.Builder{}
	for i := range maxRead + 1 {
		fmt.Fprintf(&many, "d%d._device 300 IN TLSA 3 1 1 %s\n", i, digest(fmt.Sprint(i)))
	}
	large := strings.Builder{}
	for i := range 15 {
		fmt.Fprintf(&large, "large._device 300 IN TLSA 3 1 2 %s%s\n", digest(fmt.Sprint(i)), digest(fmt.Sprint(i)))
	}
	wildcard := "*._device 300 IN TLSA 2 0 1 " + digest("ca") + "\n"
	return []provoked{
		{
			"no identities", func(b build) *world { return newWorld(b.T, []lookuptest.Zone{{Text: head}}, nil) },
			[]Code{CodeNothingToCheck},
			[]Code{CodeTimes, CodeRecords},
		},
		{"many", func(b build) *world { return newWorld(b.T, with(many.String()), nil) }, []Code{CodeSampled}, nil},
		{
			"other types", func(b build) *world {
				return newWorld(b.T, with("sensor7._device 300 IN TXT x\n_smimecert 300 IN MX 1 ns\n"), nil)
			},
			[]Code{CodeForeignType},
			nil,
		},
		{
			"one key", func(b build) *world {
				return newWorld(b.T, with("b._device 300 IN TLSA 3 1 1 "+digest("sensor")+"\n"), nil)
			},
			[]Code{CodeShared},
			nil,
		},
		{"one CA", func(b build) *world {
			return newWorld(b.T, with("b._device 300 IN TLSA 2 0 1 "+digest("ca")+"\nc._device 300 IN TLSA 2 0 1 "+digest("ca")+"\n"), nil)
		}, nil, nil},
		{"large", func(b build) *world { return newWorld(b.T, with(large.String()), nil) }, []Code{CodeOversized}, nil},
		{
			"unusable", func(b build) *world {
				return newWorld(b.T, with("b._device 300 IN TLSA 9 1 1 "+digest("x")+"\n"), nil)
			},
			[]Code{CodeUnusable},
			[]Code{CodeRecords},
		},
		{"wildcard", func(b build) *world { return newWorld(b.T, with(wildcard), nil) }, []Code{CodeWildcard}, nil},
		{"wildcard signed for each name", func(b build) *world {
			w := newWorld(b.T, clean(func(z *lookuptest.Zone) { z.Text += wildcard; z.Narrow = true }), nil)
			w.opts.Names = []Name{{Name: "sensor7", Owner: sensorName, Type: dane.TLSA}}
			return w
		}, []Code{CodeWildcard, CodeWildcardLabels, CodeHidden}, []Code{CodeWalked}},
	}
}

func held(name, owner, key string) Identity {
	return Identity{Name: Name{Name: name, Owner: owner, Type: dane.TLSA}, Match: dane.MatchOptions{SPKI: []byte(key)}}
}

func holding(ids ...Identity) func(b build) *world {
	return func(b build) *world {
		w := newWorld(b.T, clean(), nil)
		w.opts.Identities = ids
		w.opts.Names = []Name{{Name: "alice@example.org", Owner: aliceName, Type: dane.SMIMEA}}
		return w
	}
}

func identityCases() []provoked {
	return []provoked{
		{"published", holding(held("sensor7", sensorName, "sensor")), []Code{CodePublished}, nil},
		{"another key", holding(held("sensor7", sensorName, "new")), []Code{CodeOtherKey}, nil},
		{"not published", holding(held("sensor7", sensorName, "sensor"), held("sensor8", "sensor8._device.example.org.", "x")), []Code{CodePublished, CodeNotPublished}, nil},
		{"elsewhere", holding(held("sensor7", sensorName, "sensor"), held("x", "x._device.example.net.", "x")), []Code{CodePublished, CodeElsewhere}, nil},
		{"foreign", func(b build) *world {
			w := newWorld(b.T, clean(), nil)
			w.opts.Identities = []Identity{held("sensor7", sensorName, "sensor")}
			return w
		}, []Code{CodePublished, CodeForeign}, nil},
	}
}

// codes are the codes of a report, each once.
func codes(r *Report) []Code {
	var out []Code
	for _, f := range r.Findings {
		if !slices.Contains(out, f.Code) {
			out = append(out, f.Code)
		}
	}
	slices.Sort(out)
	return out
}

// TestFindings: each case has the findings of a clean zone, with exactly its own differences. So
// each finding is provoked, and is absent elsewhere.
func TestFindings(t *testing.T) {
	t.Parallel()
	for _, tt := range cases() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := tt.make(build{t}).run(t)
			want := append(slices.Clone(tt.more), slices.DeleteFunc(slices.Clone(baseline), func(c Code) bool { return slices.Contains(tt.fewer, c) })...)
			slices.Sort(want)
			if got := codes(r); !slices.Equal(got, want) {
				var b strings.Builder
				_ = r.WriteText(&b, 100)
				t.Errorf("codes\n%q, want\n%q\n%s", got, want, b.String())
			}
		})
	}
}

// TestZones: _smimecert as a zone of its own is checked too, and the zone above it without it.
func TestZones(t *testing.T) {
	t.Parallel()
	own := lookuptest.Zone{Text: "$ORIGIN _smimecert.example.org.\n@ 300 IN SOA ns h 1 2 3 4 60\n@ 300 IN NS ns\nns 300 IN A 127.0.0.1\n" +
		alice + " 300 IN SMIMEA 3 1 1 " + digest("alice") + "\n@ 300 IN MX 1 ns\n"}
	w := newWorld(t, []lookuptest.Zone{{Text: head + "sensor7._device 300 IN TLSA 3 1 1 " + digest("sensor") + "\n"}, own}, nil)
	r := w.run(t)
	if want := []string{"example.org.", "_smimecert.example.org."}; !slices.Equal(r.Zones, want) {
		t.Fatalf("zones %q, want %q", r.Zones, want)
	}
	for _, want := range []string{
		"NSEC lists 3 names of example.org, 1 of identities (SMIMEA: 0, devices: 1", "zone _smimecert.example.org\n",
		"NSEC lists 3 names of _smimecert.example.org, 1 of identities (SMIMEA: 1", "among the identities: _smimecert.example.org MX",
	} {
		if text := strings.Join(strings.Fields(textOf(r)), " "); !strings.Contains(text, strings.TrimSpace(want)) {
			t.Errorf("no %q in\n%s", want, textOf(r))
		}
	}
}

// TestKinds: every code has a description, and a case that provokes it.
func TestKinds(t *testing.T) {
	t.Parallel()
	seen := slices.Clone(baseline)
	for _, c := range cases() {
		seen = append(seen, c.more...)
	}
	// Not every machine is without IPv6 (TestNoRoute), and insecure is what has no code of its own.
	seen = append(seen, CodeNoIPv6, CodeInsecure)
	for _, k := range Kinds() {
		if !slices.Contains(seen, k.Code) {
			t.Errorf("no case provokes %q", k.Code)
		}
		if k.Summary == "" || !slices.Contains(groups, k.Group) || !slices.Contains(severities, k.Severity) {
			t.Errorf("%q is not described: %+v", k.Code, k)
		}
		if k.Severity == Wrong && (k.Why == "" || k.Advice == "") {
			t.Errorf("%q does not say why or what to do", k.Code)
		}
	}
	for _, code := range seen {
		if kindOf(code).Summary == "" {
			t.Errorf("%q has no description", code)
		}
	}
}

// TestNoRoute: only IPv6 addresses that this machine has no way to are nobody's fault.
func TestNoRoute(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		addr string
		err  error
		want bool
	}{
		{"[2001:db8::1]:53", syscall.ENETUNREACH, true},
		{"[2001:db8::1]:53", syscall.ECONNREFUSED, false},
		{"192.0.2.1:53", syscall.ENETUNREACH, false},
	} {
		if got := noRoute(tt.addr, tt.err); got != tt.want {
			t.Errorf("noRoute(%s, %v) = %t", tt.addr, tt.err, got)
		}
	}
}
