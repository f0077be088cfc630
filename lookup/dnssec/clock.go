package dnssec

// clock turns "expired" into "your clock is wrong" when nothing received is in time: not the keys
// of the anchor's zone, nor anything the answer is signed with.
func (l *lookup) clock(n name, v verdict) verdict {
	if v.code != CodeExpired && v.code != CodeNotYetValid {
		return v
	}
	seen := 0
	for _, c := range l.asker.calls {
		if c.reply == nil || c.reply.failed {
			continue
		}
		for _, s := range c.reply.sets {
			for _, sig := range s.sigs {
				if w, ok := l.inTime(s, sig); ok || w.code != v.code {
					return v
				}
				seen++
			}
		}
	}
	top, ok := l.anchors.closest(n)
	if f := l.zones[top]; !ok || seen == 0 || f.z == nil || f.code != v.code {
		return v
	}
	return indeterminate(v.ede, CodeClock, "all signatures, down from those of %s, are out of date at %s: set the clock of this machine right", top, stamp(l.now.UTC()))
}
