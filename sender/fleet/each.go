package fleet

// Each calls f for each identity that is enrolled and not retired, in the order of the inventory,
// with the line that enrolled it last. Errors: a [*DamagedError], that of f, what the file system
// returned.
func (inv *Inventory) Each(f func(Event) error) error {
	number := uint64(0)
	x, err := inv.byName(func(e *Event, at int, x *index) error {
		if number++; e.What == Enrolled {
			x.rows[at] = number
		}
		return nil
	})
	if err != nil {
		return err
	}
	number = 0
	return inv.scan(func(e *Event) error {
		if number++; e.What != Enrolled {
			return nil
		}
		at, _ := x.find(digestOf(e.Name))
		if x.rows[at] != number || x.states[at]&isRetired != 0 {
			return nil
		}
		return f(*e)
	})
}
