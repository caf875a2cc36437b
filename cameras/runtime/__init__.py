"""The process of one camera, which loads no Django and needs neither database nor broker."""
