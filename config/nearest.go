package config

import (
	"fmt"
	"strings"
)

// nearKey is the hint for an unknown key: the section it belongs in, else the nearest name of its own section, else all of them.
// The key that was probably meant is excused: it is not missing, it is misspelt.
func (r *report) nearKey(section, key string) string {
	var own, elsewhere []string
	for i := range Keys {
		switch k := &Keys[i]; {
		case k.field == nil:
		case k.section() == section:
			own = append(own, k.short())
		case k.short() == key:
			elsewhere = append(elsewhere, "["+k.section()+"]")
			r.excuse(k.Name)
		}
	}
	if elsewhere != nil {
		return fmt.Sprintf("%q belongs in %s", key, join(elsewhere))
	}
	if section == "" {
		return "every key is in a section: [" + strings.Join(sections(), "], [") + "]"
	}
	if near := nearest(key, own); near != "" {
		r.excuse(section + "." + near)
		return fmt.Sprintf("did you mean %q?", near)
	}
	return fmt.Sprintf("[%s] has %s", section, strings.Join(own, ", "))
}

func (r *report) nearSection(section string, known []string) string {
	if near := nearest(section, known); near != "" {
		for i := range Keys {
			if Keys[i].section() == near {
				r.excuse(Keys[i].Name)
			}
		}
		return fmt.Sprintf("did you mean [%s]?", near)
	}
	return "the sections are [" + strings.Join(known, "], [") + "]"
}

// nearest is the candidate with the smallest edit distance to word, "" when that is more than half of the word.
func nearest(word string, candidates []string) string {
	best, least := "", len(word)/2
	for _, c := range candidates {
		if max(len(c)-len(word), len(word)-len(c)) > least {
			continue // at least that far away; also keeps a line of garbage from being compared
		}
		if d := distance(word, c); d < least || d == least && best == "" {
			best, least = c, d
		}
	}
	return best
}

// distance is the number of bytes to insert, delete or replace that make b of a (Levenshtein's), a row at a time.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0]++
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
