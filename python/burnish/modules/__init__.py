"""What programs are made of: modules, and the predictors inside them."""
