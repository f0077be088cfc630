package fleet

import (
	"time"
)

// Status is what an inventory says of its fleet.
type Status struct {
	// Active are enrolled and not retired. Of these Updated are in the zone by the server or the
	// database, Listed by the zone file that was written last, Published by at least one of the
	// two, and Unpublished by none; Unseen are updated, and no run since has seen its sample on
	// every name server.
	Active      int `json:"active"`
	Published   int `json:"published"`
	Updated     int `json:"updated"`
	Listed      int `json:"listed"`
	Unpublished int `json:"unpublished"`
	Unseen      int `json:"unseen"`
	// Retired sign no more; of these the records of Waiting are still to be withdrawn, and those of
	// Vouched were accepted by others when they were last retired, by the record of their CA.
	Retired int `json:"retired"`
	Waiting int `json:"waiting"`
	Vouched int `json:"vouched"`
	// Expired and Expiring are active, and their certificates have ended, or end within the days
	// asked for.
	Expired  int `json:"expired"`
	Expiring int `json:"expiring"`
	// Oldest is the active identity that was enrolled first, Next the one whose certificate ends
	// first.
	Oldest     string    `json:"oldest,omitempty"`
	OldestTime time.Time `json:"oldest_enrolled,omitzero"`
	Next       string    `json:"next_to_expire,omitempty"`
	NextTime   time.Time `json:"next_expires,omitzero"`
	// LastRun is when a table was last enrolled to its end, and LastFailed how many of its lines
	// failed.
	LastRun    time.Time `json:"last_run,omitzero"`
	LastFailed int       `json:"last_failed"`
	// ZoneFile is the one that was written last.
	ZoneFile     string    `json:"zone_file,omitempty"`
	ZoneFileTime time.Time `json:"zone_file_written,omitzero"`
}

// Status counts. Certificates that end within soon are expiring. Errors: a [*DamagedError]; what
// the file system returned.
func (inv *Inventory) Status(soon time.Duration) (s Status, err error) {
	number, epoch := uint64(0), uint32(0)
	x, err := inv.byName(func(e *Event, at int, x *index) error {
		number++
		switch e.What {
		case Enrolled:
			x.rows[at] = number
		case Published, Withdrawn:
			x.lines[at] = epoch + 1 // 0: by no server
		case Served:
			epoch++
		case Written:
			s.ZoneFile, s.ZoneFileTime = e.File, e.Time
		case Ran:
			s.LastRun, s.LastFailed = e.Time, e.Failed
		case Retire, Vouched, KeysIn, ZoneIn, MadeBy: // nothing to count
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	s.count(x, epoch)
	number = 0
	now := inv.now()
	err = inv.scan(func(e *Event) error {
		number++
		if at, ok := x.find(digestOf(e.Name)); e.What == Enrolled && ok && x.rows[at] == number && x.states[at]&isRetired == 0 {
			s.identity(e, now, soon)
		}
		return nil
	})
	return s, err
}

// count counts states.
func (s *Status) count(x *index, epoch uint32) {
	for at, state := range x.states {
		switch {
		case state&isRetired != 0:
			s.Retired++
			s.Vouched += btoi(state&isVouched != 0)
			if !state.isOut() {
				s.Waiting++
			}
			continue
		case state&isEnrolled == 0:
			continue
		case state&(isPublished|isListed) != 0:
			s.Published++
			s.Updated += btoi(state&isPublished != 0)
			s.Listed += btoi(state&isListed != 0)
			if state&isPublished != 0 && x.lines[at] == epoch+1 {
				s.Unseen++
			}
		default:
			s.Unpublished++
		}
		s.Active++
	}
}

// identity looks at the times of an active one.
func (s *Status) identity(e *Event, now time.Time, soon time.Duration) {
	if s.Oldest == "" || e.Time.Before(s.OldestTime) {
		s.Oldest, s.OldestTime = e.Name, e.Time
	}
	if e.NotAfter.IsZero() {
		return
	}
	if s.Next == "" || e.NotAfter.Before(s.NextTime) {
		s.Next, s.NextTime = e.Name, e.NotAfter
	}
	switch left := e.NotAfter.Sub(now); {
	case left <= 0:
		s.Expired++
	case left <= soon:
		s.Expiring++
	}
}
