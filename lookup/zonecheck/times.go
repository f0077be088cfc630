package zonecheck

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// backdating is what signers date signatures back by at most, for the sake of slow clocks: BIND an
// hour, Knot an hour and a half.
const backdating = 2 * time.Hour

// life is the validity of one signature of the zone.
type life struct {
	name     string
	covered  uint16
	from, to time.Time
	leaf     bool // over the records of an identity
}

// whole is for how long the signer makes such signatures.
func (l life) whole() time.Duration { return max(0, l.to.Sub(l.from)-backdating) }

// times holds signatures and TTLs to the wished time.
func (z *zone) times(ctx context.Context) {
	now := z.opts.Now()
	v, _ := z.validator(nil)
	soa := v.Resolve(ctx, z.apex, dns.TypeSOA)
	lives := z.lives(now, soa)
	z.replays(now, lives)
	z.ends(now, lives)
	z.ttls()
	longest, ttl := z.longest(now, lives)
	if len(z.leaves) > 0 && !z.has(groupTimes, Wrong) && !z.hasCode(CodeReplay) {
		z.add(CodeTimes, z.apex, "a withdrawn record lives %s in caches, and can be replayed for %s; %s", span(ttl), span(longest), z.wish())
	}
}

// lives are the signatures of the zone in all that was validated.
func (z *zone) lives(now time.Time, more ...*dnssec.Answer) (out []life) {
	seen := map[string]bool{}
	add := func(a *dnssec.Answer, isLeaf bool) {
		for _, set := range a.RRsets {
			for _, sig := range set.Signatures {
				id := sig.Hdr.Name + sig.Signature
				if dns.CanonicalName(sig.SignerName) != z.apex || seen[id] {
					continue
				}
				seen[id] = true
				out = append(out, life{
					name: dns.CanonicalName(sig.Hdr.Name), covered: sig.TypeCovered, from: at(now, sig.Inception), to: at(now, sig.Expiration),
					leaf: isLeaf && sig.TypeCovered == a.Type,
				})
			}
		}
	}
	for _, l := range z.leaves {
		add(l.answer, true)
	}
	for _, a := range append(slices.Clone(z.denied), more...) {
		add(a, false)
	}
	return out
}

// at is the time nearest to now that a 32-bit time can mean (RFC 4034, Section 3.1.5).
func at(now time.Time, serial uint32) time.Time {
	return time.Unix(now.Unix()+int64(int32(serial-uint32(now.Unix()&math.MaxUint32))), 0).UTC()
}

// replays finds signatures that outlive a withdrawal for longer than wished.
func (z *zone) replays(now time.Time, lives []life) {
	var leaves, denials []life
	for _, l := range lives {
		if l.to.Sub(now) <= z.opts.Revocation && l.whole() <= z.opts.Revocation {
			continue
		}
		switch {
		case l.leaf:
			leaves = append(leaves, l)
		case l.covered == dns.TypeNSEC || l.covered == dns.TypeNSEC3:
			denials = append(denials, l)
		}
	}
	if f := z.late(CodeReplay, now, leaves, "a record that is withdrawn now can be replayed until %s (%s); %s"); f != nil && !z.wished {
		f.Severity = Note // two weeks are what most signers do by themselves
	}
	z.late(CodeReplayDenial, now, denials, "a proof of absence of now can be replayed until %s (%s); %s")
}

// wish is the time that all is held to.
func (z *zone) wish() string {
	if !z.wished {
		return "held to: " + span(z.opts.Revocation)
	}
	return "wished: " + span(z.opts.Revocation)
}

// late adds a finding for the signature that ends last, none when there are no lives.
func (z *zone) late(code Code, now time.Time, lives []life, format string) *Finding {
	if len(lives) == 0 {
		return nil
	}
	last := slices.MaxFunc(lives, func(a, b life) int { return a.to.Compare(b.to) })
	f := z.add(code, last.name, format, stamp(last.to), span(last.to.Sub(now)), z.wish())
	if last.to.Sub(now) <= z.opts.Revocation {
		f.What += fmt.Sprintf("; signatures are made for %s", span(last.to.Sub(last.from)))
	}
	f.Names = namesOf(lives)
	return f
}

func namesOf(lives []life) (out []string) {
	for _, l := range lives {
		if len(out) < maxNames && !slices.Contains(out, l.name) {
			out = append(out, l.name)
		}
	}
	return out
}

// ends finds signatures that are near their end, or not yet valid.
func (z *zone) ends(now time.Time, lives []life) {
	var ending, future []life
	for _, l := range lives {
		switch left := l.to.Sub(now); {
		case l.from.After(now):
			future = append(future, l)
		case left > 0 && left < l.to.Sub(l.from)/10:
			ending = append(ending, l)
		}
	}
	if len(ending) > 0 {
		first := slices.MinFunc(ending, func(a, b life) int { return a.to.Compare(b.to) })
		f := z.add(CodeNearEnd, first.name, "the signature over %s %s ends at %s (%s)%s", show(first.name), dns.Type(first.covered), stamp(first.to), span(first.to.Sub(now)), others(ending))
		f.Names = namesOf(ending)
	}
	if len(future) > 0 {
		last := slices.MaxFunc(future, func(a, b life) int { return a.from.Compare(b.from) })
		f := z.add(CodeFuture, last.name, "the signature over %s %s begins at %s, and it is %s here%s", show(last.name), dns.Type(last.covered), stamp(last.from), stamp(now.UTC()), others(future))
		f.Names = namesOf(future)
	}
}

func others(lives []life) string {
	if len(lives) == 1 {
		return ""
	}
	return fmt.Sprintf("; so do %d more", len(lives)-1)
}

// ttls finds identity records that live too long in caches.
func (z *zone) ttls() {
	var names []string
	longest := time.Duration(0)
	for _, l := range z.leaves {
		if ttl := seconds(l.ttl); ttl > z.opts.Revocation {
			names = append(names, l.Owner)
			longest = max(longest, ttl)
		}
	}
	z.addNames(CodeTTL, names, "a withdrawn record lives up to %s in caches; %s", span(longest), z.wish())
}

// longest is for how long a record that is withdrawn now can be replayed, and lives in caches.
func (z *zone) longest(now time.Time, lives []life) (replay, ttl time.Duration) {
	for _, l := range lives {
		if l.leaf {
			replay = max(replay, l.to.Sub(now))
		}
	}
	for _, l := range z.leaves {
		ttl = max(ttl, seconds(l.ttl))
	}
	return replay, ttl
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

func stamp(t time.Time) string { return t.Format(time.RFC3339) }

// span writes a time for people, in its two largest units.
func span(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"d", day}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}}
	d = max(d, 0).Truncate(time.Second)
	for i, u := range units {
		if d < u.size {
			continue
		}
		out := fmt.Sprintf("%d %s", d/u.size, u.name)
		if i+1 < len(units) {
			if rest := d % u.size / units[i+1].size; rest > 0 {
				out += fmt.Sprintf(" %d %s", rest, units[i+1].name)
			}
		}
		return out
	}
	return "0 s"
}
