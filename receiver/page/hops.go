package page

import (
	"fmt"
	"time"

	"dnseal/receiver"
)

// maxShownHops is how many stations of the way are drawn, half of them from its end.
const maxShownHops = 20

// hops draws the way of the message by its Received fields. Nothing of it is proven.
func (p *writer) hops(r *receiver.Report) {
	stops := []stop{{above: -1, title: "Written", note: "no Date that can be read"}}
	var before time.Time
	if r.Date != nil {
		before = *r.Date
		stops[0].note = stamp(before) + ", by the Date field"
	}
	add := func(title, note string) { stops = append(stops, stop{above: len(stops) - 1, title: title, note: note}) }
	for i, h := range r.Hops {
		if i == maxShownHops/2 && len(r.Hops) > maxShownHops {
			add(fmt.Sprintf("%d more hosts", len(r.Hops)-maxShownHops), "")
		}
		if i >= maxShownHops/2 && i < len(r.Hops)-maxShownHops/2 {
			continue
		}
		title, note := h.By, "no time is given"
		if title == "" {
			title = "A host without a name"
		}
		if h.At != nil {
			note = stamp(*h.At) + later(before, *h.At)
			before = *h.At
		}
		add(title, note)
	}
	if !r.CheckedAt.IsZero() {
		add("Checked", stamp(r.CheckedAt))
	}
	p.rail(`Way of the message`, stops)
}

// later says how long it took from one time to the next.
func later(from, to time.Time) string {
	d := to.Sub(from).Round(time.Second)
	switch {
	case from.IsZero():
		return ""
	case d < 0:
		return ", before the time above it"
	case d < 2*time.Minute:
		return fmt.Sprintf(", after %d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf(", after %d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf(", after %d h", d/time.Hour)
	}
	return fmt.Sprintf(", after %d days", d/(24*time.Hour))
}
