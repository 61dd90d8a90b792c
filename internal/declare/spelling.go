package declare

// nearest returns the known name that is nearest to an unknown one, or "" where none
// is near.
func nearest(name string, known []string) string {
	best, least := "", max(len(name)/2, 1)+1
	for _, candidate := range known {
		if d := distance(name, candidate); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// didYouMean returns a hint at the known name that is nearest to an unknown one, or
// "" where none is near.
func didYouMean(name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return `; did you mean "` + near + `"?`
	}
	return ""
}

// distance is the Levenshtein distance of two names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
