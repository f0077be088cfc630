package receiver

import (
	"context"

	"dnseal/lookup"
	"dnseal/lookup/dane"
)

// noDNS answers nothing: for tests in which no question may be asked.
type noDNS struct{}

func (noDNS) Lookup(context.Context, string, dane.Type) *lookup.Result {
	panic("a lookup was made")
}

func (noDNS) LookupFresh(context.Context, string, dane.Type) *lookup.Result {
	panic("a lookup was made")
}
