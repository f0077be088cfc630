// Package status says where identities stand in their life: as lines after a command (lines.go), as
// a table and JSON (table.go), and as findings with an exit status and metrics (check.go).
//
// # Limitations
//
// It asks nothing: an outcome is as old as its reading.
package status

import (
	"errors"
	"fmt"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// Code is the exit status for an error of an outcome: 3 where nothing is known, 1 where a server
// refused, else 2, also for a name that is not in the zone.
func Code(err error) cli.Exit {
	refusal, ok := errors.AsType[*publish.Refusal](err)
	switch {
	case !ok, refusal.Code == publish.OutsideZone: // by --zone
		return cli.ExitUsage
	case refusal.Code == publish.Unreachable, refusal.Code == publish.Unknown, refusal.Code == publish.Behind, refusal.Code == publish.NotDone, refusal.Code == publish.NoZone:
		return cli.ExitTempfail
	}
	return cli.ExitNotPass
}

// Worse returns the weightier of two exit statuses: 2, then 1, then 3, then 0.
func Worse(a, b cli.Exit) cli.Exit {
	weight := map[cli.Exit]int{cli.ExitUsage: 3, cli.ExitNotPass: 2, cli.ExitTempfail: 1}
	if weight[b] > weight[a] {
		return b
	}
	return a
}

// stamp writes a time for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// ofTroubles is the exit status for what is wrong: 1, or 3 where it could not be told.
func ofTroubles(troubles []lifecycle.Trouble) (status cli.Exit) {
	for _, t := range troubles {
		if t.Undecided {
			status = Worse(status, cli.ExitTempfail)
		} else {
			status = Worse(status, cli.ExitNotPass)
		}
	}
	return status
}

// record describes the record of the active key: "SMIMEA 3 1 1"; "TLSA 2 1 1 at _user.example.org."
// where that of its CA publishes it; "-" where there is none.
func record(o *provision.Outcome) string {
	if p, ok := o.ByCA(); ok {
		return form(p.Type, p.Record) + " at " + p.Owner
	}
	r, ok := o.Wanted()
	_, typ, err := o.Owner()
	if !ok || err != nil {
		return "-"
	}
	return form(typ, r)
}

func form(typ dane.Type, r dane.Record) string {
	return fmt.Sprintf("%s %d %d %d", typ, r.Usage, r.Selector, r.MatchingType)
}

// keyID is that of the active key, or "-".
func keyID(o *provision.Outcome) string {
	if o.Keys.Active == nil {
		return "-"
	}
	return o.Keys.Active.KeyID()
}
