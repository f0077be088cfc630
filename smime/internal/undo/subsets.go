package undo

import "iter"

// maxSubsets is how many things are tried in all their combinations.
const maxSubsets = 11

// subsets lists sets of n things: each thing by itself, all but each, and all other combinations
// where they are few, else pairs. All of them together are not in it.
func subsets(n int) iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		for i := range n {
			if !yield([]int{i}) || n > 2 && !yield(without(n, i)) {
				return
			}
		}
		if n > maxSubsets {
			pairs(n, yield)
			return
		}
		for set := range 1<<n - 1 {
			var chosen []int
			for i := range n {
				if set>>i&1 == 1 {
					chosen = append(chosen, i)
				}
			}
			if len(chosen) > 1 && len(chosen) < n-1 && !yield(chosen) {
				return
			}
		}
	}
}

func without(n, left int) []int {
	out := make([]int, 0, n)
	for i := range n {
		if i != left {
			out = append(out, i)
		}
	}
	return out
}

func pairs(n int, yield func([]int) bool) {
	for i := range n {
		for j := range i {
			if !yield([]int{j, i}) {
				return
			}
		}
	}
}

// everyOf is the set of all n things.
func everyOf(n int) []int { return without(n, -1) }

// spliceSets generates sets of the splices: all of them where whole is set, else the others.
func spliceSets(change Change, sentence string, splices []splice, whole bool) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		if len(splices) == 0 {
			return
		}
		if whole {
			yield(candidate{change: change, sentence: sentence, splices: append([]splice(nil), splices...)})
			return
		}
		for set := range subsets(len(splices)) {
			chosen := make([]splice, len(set))
			for i, n := range set {
				chosen[i] = splices[n]
			}
			if !yield(candidate{change: change, sentence: sentence, splices: chosen}) {
				return
			}
		}
	}
}
