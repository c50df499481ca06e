"""Pure arithmetic of money: tokens in, priced lines and a cost out; estimates where a provider reported nothing."""
