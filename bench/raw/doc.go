// Package raw is what the programs of the bench write: every sample of every row, with
// the machine, the versions and the commit that they were taken with. Package report makes
// the tables and the plots of it.
package raw
