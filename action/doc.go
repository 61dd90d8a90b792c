// Package action is the core of Sallyport.
package action
