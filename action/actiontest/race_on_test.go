//go:build race

package actiontest

const raceDetector = true
